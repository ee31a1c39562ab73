"""Boxes per frame."""

import pytest
import torch
from omegaconf import OmegaConf

from pipeline.errors import UserError
from pipeline.preflight import CONF
from pipeline.regions.box import Box
from pipeline.regions.frames import in_frame
from pipeline.regions.named import named_box

NAMES = {"mouth": "mouth", "eyes": "eyes", "nose": "nose", "brows": "eyebrow"}


def settings(name: str) -> dict[str, object]:
    loaded = OmegaConf.to_container(OmegaConf.load(CONF / "region" / f"{name}.yaml"))
    return {k: v for k, v in dict(loaded).items() if k != "_target_"}  # type: ignore[arg-type]


@pytest.mark.parametrize("resolution", [64, 256, 1024])
@pytest.mark.parametrize(("name", "theirs"), NAMES.items())
def test_boxes_of_ffhq_are_those_of_resefa(name: str, theirs: str, resolution: int) -> None:
    box = Box(**in_frame(settings(name), "ffhq"))  # type: ignore[arg-type]
    assert torch.equal(box.mask(resolution), named_box(theirs).mask(resolution))


def test_each_frame_has_its_own_box() -> None:
    chosen = [in_frame(settings("mouth"), frame) for frame in ("procfaces", "ffhq")]
    assert [set(c) for c in chosen] == [{"name", "centre", "size"}] * 2
    assert chosen[0] != chosen[1]


def test_a_region_without_boxes_serves_every_frame() -> None:
    own = {"name": "box", "centre": [0.5, 0.5], "size": [0.1, 0.1]}
    assert in_frame(own, "church") == own


def test_an_unknown_frame_is_refused_with_a_way_out() -> None:
    with pytest.raises(UserError, match="framed as 'church'") as caught:
        in_frame(settings("mouth"), "church")
    said = str(caught.value)
    assert "procfaces, ffhq" in said and "region=box" in said and "\n" not in said
