"""What does not fit together is refused in one line, before any work."""

from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from pipeline.config import register
from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.preflight import CONF


def made(*overrides: str) -> Experiment:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return Experiment.of(compose("config", list(overrides)))


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["attribute=mouth_opne"], "mouth_open"),
        (["attribute=ear_sise"], "Unknown attribute"),
        (["region=box", "region.centre=[0.9,0.5]", "region.size=[0.5,0.5]"], "beyond the image"),
        (["region=box", "region.size=[0,0.5]"], "greater than 0"),
        (["region=box", "region.centre=[0.5,0.5]", "region.size=[1,1]"], "background"),
        (["region=hair", "region.parts=[hiar]"], "hair"),
        (["method.space=q"], "space"),
        (["method.solver=magic"], "cholesky"),
        (["method.num_directions=0"], "num_directions"),
        (["method.layers=[4,2]"], "layers"),
        (["generator.path=no_such.safetensors"], "no_such.safetensors"),
        (["metric.fid=inception"], "inception_fid"),
        (["metric.id=magic"], "embedded"),
        (["dataset.reference_samples=1"], "reference_samples=1"),
        (["device=cuda:63"], "device=cuda:63"),
    ],
)
def test_what_does_not_fit_is_one_line(
    overrides: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError) as caught:
        made(*overrides)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("region", ["mouth", "eyes", "brows", "nose", "hair", "box"])
def test_every_region_can_be_made(region: str) -> None:
    experiment = made(f"region={region}")
    assert experiment.region.name == region
    assert experiment.generator.name == "stylegan2_procfaces"


def test_the_stand_ins_are_named_as_such(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(tmp_path))
    notes = made().judges.notes
    assert set(notes) == {"fd_embedded", "id_embedded", "lpips_embedded"}
    assert all("stand-in" in text for text in notes.values())


def test_a_metric_can_be_left_out() -> None:
    judges = made("metric.id=none", "metric.lpips=none").judges
    assert judges.identity is None
    assert judges.distance is None
    assert judges.features is not None
