"""Edits of style channels, and what is known of the channels."""

from pathlib import Path

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.methods.edits import Edits
from pipeline.methods.style_channels import (
    ChannelEdit,
    ChannelStatistics,
    channel_name,
    channel_statistics,
    sampled,
    searched_layers,
    style_slices,
)
from tests.generators.networks import small_network
from tests.generic import WaveGenerator

NETWORK = small_network(dtype=torch.float32)
CODES = NETWORK.sample(3, torch.Generator().manual_seed(0))


def edit_of(channels: list[int], deviations: list[float]) -> ChannelEdit:
    return ChannelEdit(
        name="stylespace/mouth/some",
        generator=NETWORK.name,
        fingerprint=NETWORK.fingerprint,
        channels=torch.tensor(channels),
        deviations=torch.tensor(deviations),
    )


def test_a_strength_moves_each_channel_by_its_deviations() -> None:
    styles = NETWORK.convert(CODES, Space.S).values.clone()
    styles[:, 3] += 2 * 0.5
    styles[:, 20] -= 2 * 0.25
    expected = NETWORK.render(Codes(Space.S, styles))
    edit = edit_of([3, 20], [0.5, -0.25])
    torch.testing.assert_close(edit.apply(NETWORK, CODES, 2.0), expected)
    assert edit.spread(NETWORK, CODES) == 1


def test_one_strength_for_each_image() -> None:
    edit = edit_of([3], [0.5])
    batch = edit.apply(NETWORK, CODES, [0.0, 1.0, -2.0])
    torch.testing.assert_close(batch[0], NETWORK.render(CODES)[0])
    torch.testing.assert_close(batch[2:], edit.apply(NETWORK, CODES[2:], -2.0))


def test_survives_its_file(tmp_path: Path) -> None:
    edit, path = edit_of([3, 20], [0.5, -0.25]), tmp_path / "edits.safetensors"
    origin = {"generator": NETWORK.name, "fingerprint": NETWORK.fingerprint}
    Edits(edits=(edit,), method="stylespace", region="mouth", seed=0, **origin).save(path)
    loaded = Edits.load(path)[0]
    assert isinstance(loaded, ChannelEdit)
    assert loaded.channels.tolist() == [3, 20]
    torch.testing.assert_close(loaded.apply(NETWORK, CODES, 1.0), edit.apply(NETWORK, CODES, 1.0))


def test_to_rgb_layers_are_left_out_unless_wanted() -> None:
    assert list(searched_layers(NETWORK, to_rgb=False)) == [
        "b4.conv1", "b8.conv0", "b8.conv1", "b16.conv0", "b16.conv1",
    ]  # fmt: skip
    assert searched_layers(NETWORK, to_rgb=True) == style_slices(NETWORK)


def test_channels_are_named_by_layer_and_place() -> None:
    layers = style_slices(NETWORK)
    assert channel_name(layers, 0) == "b4.conv1_0"
    assert channel_name(layers, layers["b8.conv1"].start + 2) == "b8.conv1_2"


def test_a_generator_without_styles() -> None:
    with pytest.raises(UserError, match="generator=waves has no style channels"):
        style_slices(WaveGenerator())


@pytest.mark.parametrize("count", [2, 999, 2345])
def test_statistics_are_those_of_all_codes_drawn(count: int) -> None:
    """Batches or none, to 1e-9 in float64."""
    network = small_network(dtype=torch.float32)
    found = channel_statistics(network, count, torch.Generator().manual_seed(1))
    batches = sampled(network, count, torch.Generator().manual_seed(1))
    drawn = torch.cat([network.convert(c, Space.S).values for c in batches]).double()
    assert len(drawn) == count
    torch.testing.assert_close(found.mean, drawn.mean(0), rtol=0, atol=1e-9)
    torch.testing.assert_close(found.std, drawn.std(0), rtol=1e-9, atol=0)


def test_a_channel_that_never_varies_never_deviates() -> None:
    statistics = ChannelStatistics(torch.tensor([1.0, 2.0]), torch.tensor([0.5, 0.0]))
    standardised = statistics.standardised(torch.tensor([[2.0, 9.0]]))
    assert standardised.tolist() == [[2.0, 0.0]]
