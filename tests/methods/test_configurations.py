"""Every method's configuration can be composed, made, and fits the shipped generator."""

import inspect

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import get_class, instantiate
from omegaconf import DictConfig

from pipeline.config import register
from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.methods.base import Method
from pipeline.methods.reading import ReadingMethod
from pipeline.preflight import CONF

NAMES = sorted(path.stem for path in (CONF / "method").glob("*.yaml"))


def composed(*overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", ["threads=1", *overrides])


@pytest.mark.parametrize("name", NAMES)
def test_every_configuration_names_its_method(name: str) -> None:
    config = composed(f"method={name}", "attribute=mouth_open").method
    accepted = inspect.signature(get_class(config._target_)).parameters
    assert {str(key) for key in config} - {"_target_"} <= set(accepted)
    method = instantiate(config)
    assert isinstance(method, Method)
    assert method.name == name


@pytest.mark.parametrize("name", ["stylespace", "stylespace_attribute"])
def test_methods_that_look_at_images_get_the_domain(name: str) -> None:
    experiment = Experiment.of(composed(f"method={name}", "attribute=mouth_open"))
    assert isinstance(experiment.method, ReadingMethod)
    assert experiment.method.reader is experiment.domain
    assert len(experiment.method.networks()) == 1


def test_examples_need_an_attribute() -> None:
    with pytest.raises(UserError, match="say which, e.g. attribute="):
        Experiment.of(composed("method=stylespace_attribute"))


@pytest.mark.parametrize("name", ["navigan_optimization", "navigan_hybrid"])
def test_steps_of_training_can_be_given_to_a_sweep_over_methods(name: str) -> None:
    assert instantiate(composed(f"method={name}", "training_steps=7").method).recipe.steps == 7
    assert instantiate(composed(f"method={name}").method).recipe.steps == 1500
