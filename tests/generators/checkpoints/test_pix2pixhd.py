"""pix2pixHD files: recognised, inferred, read strictly."""

from typing import Any

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.checkpoints.pix2pixhd import FORMS
from pipeline.generators.label_maps import LabelMaps
from tests.generators.conditional import small_pix2pixhd

(FORM,) = FORMS

VARIANTS = [
    {"resolution": 512, "enhancer_blocks": 3},
    {"resolution": 512, "enhancer_blocks": 3, "downsamplings": 3, "blocks": 12},
    {"resolution": 1024, "enhancers": 1, "downsamplings": 2},
    {"resolution": 2048, "enhancers": 2, "enhancer_blocks": 2, "input_channels": 9},
]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("prefix", ["", "module."])
def test_round_trip(variant: dict[str, Any], prefix: str) -> None:
    network = small_pix2pixhd(torch.float32, **variant)
    content = {prefix + k: x for k, x in network.state_dict().items()}
    assert FORM.recognise(content)
    found = FORM.build(content)
    assert found.config == network.config
    maps = torch.randint(4, (2, 16, 32), generator=torch.Generator().manual_seed(0))
    codes = network.codes(LabelMaps(maps, maps))
    assert torch.equal(found.render(codes), network.render(codes))


def test_statistics_of_early_releases_are_dropped() -> None:
    state = small_pix2pixhd(torch.float32).state_dict()
    FORM.build(state | {"model.2.running_mean": torch.zeros(3)})


@pytest.mark.parametrize("enhancers", [0, 1])
def test_every_missing_tensor_is_named(enhancers: int) -> None:
    state = small_pix2pixhd(torch.float32, enhancers=enhancers).state_dict()
    for name in [k for k in state if k != "model.1.weight"]:
        with pytest.raises(UserError, match=f"pix2pixhd.*{name}") as error:
            FORM.build({k: x for k, x in state.items() if k != name})
        assert "\n" not in str(error.value)


def test_tensors_left_over_and_misshapen() -> None:
    state = small_pix2pixhd(torch.float32).state_dict()
    with pytest.raises(UserError, match=r"unknown tensors model\.2\.weight"):  # batch norm
        FORM.build(state | {"model.2.weight": torch.zeros(3)})
    with pytest.raises(UserError, match=r"model\.4\.weight.*does not fit"):
        FORM.build(state | {"model.4.weight": torch.zeros(3, 3)})


def test_blocks_out_of_step() -> None:
    state = {
        "model.1.weight": torch.zeros(3, 5, 7, 7),
        "model.9.conv_block.1.weight": torch.ones(1),
    }
    with pytest.raises(UserError, match="whole number of downsamplings"):
        FORM.build(state)


def test_other_files_are_not_recognised() -> None:
    for content in ({}, {"model.1.weight": torch.zeros(1)}):
        assert not FORM.recognise(content)
