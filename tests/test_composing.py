"""Jobs that share what they choose are composed as Hydra composes each."""

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from pipeline.composing import Composer
from pipeline.config import register
from pipeline.listing import CONF

JOBS = (
    ["method=sefa", "target=smile", "samples=8", "strength=[1,2]"],
    ["method=sefa", "target=smile", "samples=9", "attribute=age", "method.num_directions=2"],
    ["region=box", "region.centre=[0.7,0.5]", "hydra.run.dir=here", "device=cpu"],
)


def plain(config: DictConfig) -> object:
    own = {str(key): config[key] for key in config if key != "hydra"}
    return OmegaConf.to_container(OmegaConf.create(own), resolve=True)


def test_every_job_is_what_hydra_makes_of_it() -> None:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composer = Composer(CONF)
        for job in JOBS:
            found = composer.compose(job)
            assert plain(found) == plain(compose("config", overrides=job))
        assert found.hydra.run.dir == "here"
        assert composer.compose(JOBS[0]).hydra.runtime.choices.method == "sefa"
        assert len(composer._known) == 2


def test_wrong_values_are_refused_as_by_hydra() -> None:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for wrong in ("samples=many", "method.spce=w"):
            with pytest.raises(Exception, match="samples|spce") as ours:
                Composer(CONF).compose([wrong])
            with pytest.raises(type(ours.value), match="samples|spce"):
                compose("config", overrides=[wrong])
