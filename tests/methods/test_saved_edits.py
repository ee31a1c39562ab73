"""Edits of other runs, and edits with names."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from pipeline.config import register
from pipeline.errors import UserError
from pipeline.methods.edits import Edits
from pipeline.methods.navigan_svd import NaviGANSVD
from pipeline.methods.saved_edits import SavedEdits
from pipeline.named_edits import name_edit
from pipeline.preflight import CONF
from pipeline.regions.box import Box
from tests.generators.networks import small_network
from tests.methods.navigation import codes_of

NETWORK = small_network()
CODES = codes_of(NETWORK)
EVERYWHERE = Box("all", [0.5, 0.5], [1, 1])


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run that found three edits."""
    found = NaviGANSVD("b8.conv1", num_directions=3).discover(NETWORK, CODES, EVERYWHERE)
    found.save(tmp_path / "run" / "edits.safetensors")
    return tmp_path / "run"


def test_takes_the_edits_of_another_run(run: Path) -> None:
    path = str(run / "edits.safetensors")
    original = Edits.load(path)
    found = SavedEdits(path).discover(NETWORK, CODES, Box("half", [0.5, 0.5], [0.5, 1]), seed=4)
    assert (found.method, found.region, found.seed) == ("saved", "half", 4)
    assert [edit.name for edit in found] == [edit.name for edit in original]
    assert found.notes["found"]["method"] == "navigan_svd"
    one = SavedEdits(path, index=2).discover(NETWORK, CODES, EVERYWHERE)
    assert len(one) == 1
    images = [edit.apply(NETWORK, CODES, 0.5) for edit in (one[0], original[2])]
    assert torch.equal(*images)


def test_what_is_in_the_file_is_part_of_the_key(run: Path) -> None:
    path = str(run / "edits.safetensors")
    before = SavedEdits(path).digest
    assert SavedEdits(path).digest == before != SavedEdits(path, index=1).digest
    other = NaviGANSVD("b8.conv0", num_directions=3).discover(NETWORK, CODES, EVERYWHERE)
    other.save(path)
    assert SavedEdits(path).digest != before


def test_what_cannot_be_taken(run: Path) -> None:
    path = str(run / "edits.safetensors")
    with pytest.raises(UserError, match="give its file, e.g. method.path="):
        SavedEdits().check(NETWORK, EVERYWHERE)
    with pytest.raises(UserError, match="has 3 edits"):
        SavedEdits(path, index=3).check(NETWORK, EVERYWHERE)
    with pytest.raises(UserError, match="was found on generator="):
        SavedEdits(path).check(small_network(seed=1), EVERYWHERE)


def test_a_name_stands_for_one_edit(run: Path, tmp_path: Path) -> None:
    """The configuration composes as Hydra would, from a copy of conf with the new name in it."""
    conf, edits = tmp_path / "conf" / "edit", tmp_path / "edits"
    written = name_edit(run, 1, "wider_nose", "The nose  gets\nwider.", conf, edits)
    text = written.read_text()
    assert text.splitlines()[1] == "# The nose gets wider."
    assert "navigan_svd/b8.conv1/1, found by navigan_svd on stylegan2" in text
    settings = OmegaConf.create(text)
    method = SavedEdits(settings.method.path)
    assert [edit.name for edit in method.discover(NETWORK, CODES, EVERYWHERE)] == [
        "navigan_svd/b8.conv1/1"
    ]
    assert settings.defaults == [
        {"override /method": "saved"},
        {"override /generator": "stylegan2"},
    ]


def test_edit_takes_a_name(run: Path, tmp_path: Path) -> None:
    """On a generator that conf knows."""
    edits = replace(Edits.load(run / "edits.safetensors"), generator="stylegan2_procfaces")
    edits.save(run / "edits.safetensors")
    name_edit(run, 0, "wider_nose", conf=tmp_path / "edit", edits=tmp_path)
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose(
            "config", [f"hydra.searchpath=[file://{tmp_path}]", "edit=wider_nose", "samples=3"]
        )
    assert config.method._target_.endswith("SavedEdits")
    assert config.method.path == (tmp_path / "wider_nose.safetensors").as_posix()


def test_names_that_will_not_do(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="lower case"):
        name_edit(run, 0, "Wider Nose", conf=tmp_path, edits=tmp_path)
    with pytest.raises(UserError, match="it has 0 to 2"):
        name_edit(run, 3, "wider_nose", conf=tmp_path, edits=tmp_path)
    name_edit(run, 0, "wider_nose", conf=tmp_path, edits=tmp_path)
    with pytest.raises(UserError, match="is taken"):
        name_edit(run, 1, "wider_nose", conf=tmp_path, edits=tmp_path)
