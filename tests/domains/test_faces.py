"""Photographs of aligned faces have the attributes whose classifiers are here."""

from pathlib import Path

import pytest
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser

from pipeline.datasets.celeba import ATTRIBUTES
from pipeline.domains.auto import of_frame
from pipeline.domains.faces import attributes_of
from pipeline.domains.photos import Photos
from pipeline.errors import UserError
from pipeline.evaluators.celeba import CelebaAttributes
from pipeline.methods.labels import read
from pipeline.records import MetricsLog
from pipeline.runner import Runner
from pipeline.standardising import standardise
from pipeline.store import Store
from pipeline.weights.registry import REGISTRY
from tests.evaluators.attribute_cases import random_classifier, write_classifier
from tests.generic import WaveGenerator


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weights folder with two of the classifiers."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(folder))
    for seed, name in enumerate(("smiling", "young")):
        write_classifier(folder / REGISTRY[f"celeba_{name}"].file, random_classifier(seed=seed))
    return folder


@pytest.mark.parametrize("frame", ["ffhq", "celebahq"])
def test_aligned_faces_have_the_attributes_that_are_here(weights: Path, frame: str) -> None:
    domain = of_frame(frame)
    assert domain.predictor.names == ("smiling", "young")
    assert domain.facts()["labeller"] == "celebahq_classifiers"
    assert domain.attribute_parts["smiling"] == ("mouth",)
    domain.check_attribute("young")


def test_other_pictures_have_none(weights: Path) -> None:
    for frame in ("lsun_cat", None):
        domain = of_frame(frame)
        assert domain.predictor.names == () and "labeller" not in domain.facts()
        with pytest.raises(UserError, match="no attribute can be read off photos"):
            domain.check_attribute("smiling")
        with pytest.raises(UserError, match=r"dataset\.attributes=\[smiling\]: .* dataset\.frame="):
            attributes_of(frame, ["smiling"])
    with pytest.raises(UserError, match="framed as 'procfaces'"):
        of_frame("procfaces", attributes=["smiling"])


def test_an_attribute_without_its_weights_is_one_line(weights: Path) -> None:
    with pytest.raises(UserError) as error:
        of_frame("ffhq").check_attribute("bangs")
    assert str(error.value).startswith("The weights 'celeba_bangs' are missing")
    assert "celebahq-classifier-09-bangs.pkl" in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(UserError, match="Unknown attribute 'smile'"):
        of_frame("ffhq").check_attribute("smile")
    with pytest.raises(UserError, match=r"none of dataset\.attributes=\[smiling\]"):
        of_frame("ffhq", attributes=["smiling"]).check_attribute("young")


def test_images_must_come_down_to_the_size_of_the_classifiers(weights: Path) -> None:
    domain = of_frame("ffhq")
    assert domain.suited(WaveGenerator(resolution=256), "ffhq").predictor is domain.predictor
    for resolution in (64, 300):
        with pytest.raises(UserError, match=rf"{resolution} px.* add dataset\.attributes=\[\]"):
            domain.suited(WaveGenerator(resolution=resolution), "ffhq")
    without = of_frame("ffhq", attributes=[]).suited(WaveGenerator(resolution=64), "ffhq")
    assert without.predictor.names == ()


def test_the_scale_is_measured_once_on_the_generators_pictures(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.standardising.SAMPLES", 20)
    generator = WaveGenerator(resolution=256)
    prints = []
    for round_ in ("first", "second"):
        domain = of_frame("ffhq")
        with MetricsLog(tmp_path / f"{round_}.jsonl") as record:
            runner = Runner(Store(tmp_path / "store"), record)
            standardise(domain, generator, runner)
        assert runner.times["standardise"].cached == (round_ == "second")
        prints.append(getattr(domain.predictor, "fingerprint", None))
    assert prints[0] == prints[1]
    codes = generator.sample(64, torch.Generator().manual_seed(5))
    labels = read(generator, domain.predictor, codes)
    assert labels.labeller == "celebahq_classifiers" and labels.names == ("smiling", "young")
    assert labels.attributes.mean(0).abs().max() < 1
    assert 0.5 < float(labels.attributes.std(0).min()) < 2


def test_nothing_is_measured_where_nothing_is_read(tmp_path: Path) -> None:
    with MetricsLog(tmp_path / "log.jsonl") as record:
        runner = Runner(Store(tmp_path / "store"), record)
        standardise(Photos(), WaveGenerator(), runner)
        standardise(Photos(attributes=CelebaAttributes([])), WaveGenerator(), runner)
    assert runner.times == {}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_names_can_be_typed_on_a_command_line(name: str) -> None:
    override = OverridesParser.create().parse_override(f"attribute={name}")
    assert override.value() == name
