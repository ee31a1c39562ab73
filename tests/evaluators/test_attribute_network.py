"""Attribute classifiers: every number as the formulas have it, and files that are none."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from pipeline.errors import UserError
from pipeline.evaluators.attribute_files import build, read_attribute_network
from pipeline.evaluators.attribute_network import Convolution, Dense, downconvolve
from pipeline.generators.discriminator import minibatch_stddev
from tests.evaluators.attribute_cases import (
    content_of,
    naive_classifier,
    pictures,
    random_classifier,
    write_classifier,
)

CHANNELS = (3, 4, 2, 2)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("blurred", [False, True])
@pytest.mark.parametrize("compares", [False, True])
def test_outputs_are_those_of_the_formulas(compares: bool, blurred: bool, late: bool) -> None:
    state = random_classifier(CHANNELS, compares=compares, late=late)
    kind = "D_basic" if blurred else "D_paper"
    network, images = build(content_of(state, kind)).double(), pictures(8, 32)
    found = network(images.double())
    wanted = naive_classifier(state, images, blurred=blurred, late=late)
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)
    assert found.std() > 1e-3


def test_the_deviation_over_a_group_by_hand() -> None:
    x = torch.tensor([1.0, 5.0, 3.0, 1.0])[:, None, None, None].expand(4, 2, 4, 4)
    pairs = minibatch_stddev(x, 2)[:, -1, 0, 0]  # groups (1, 3) and (5, 1)
    torch.testing.assert_close(pairs, torch.tensor([1.0, 2.0, 1.0, 2.0]))
    assert minibatch_stddev(x, 4).shape == (4, 3, 4, 4)
    alone = minibatch_stddev(x[:1], 4)[:, -1]
    torch.testing.assert_close(alone, torch.full_like(alone, 1e-4))


def test_learning_rates_are_equalised() -> None:
    dense, convolution = Dense(8, 1, gain=2.0), Convolution(2, 1)
    with torch.no_grad():
        dense.weight.fill_(1.0)
        dense.bias.fill_(3.0)
        convolution.conv.weight.fill_(1.0)
        convolution.bias.fill_(-10.0)
        # 8 inputs of 1 times 2 / sqrt(8), and the bias as it is
        assert dense(torch.ones(1, 8)).item() == pytest.approx(2 * 8**0.5 + 3)
        # 18 inputs of 1 times sqrt(2 / 18) = 6, and the bias: -4, of which leaky ReLU leaves 0.2
        seen = convolution(torch.ones(1, 2, 3, 3))
        assert seen[0, 0, 1, 1].item() == pytest.approx(-0.8)


def test_one_convolution_in_the_place_of_four_and_their_mean() -> None:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 8, 6, generator=random, dtype=torch.float64)
    weight = torch.randn(4, 3, 3, 3, generator=random, dtype=torch.float64)
    wanted = F.avg_pool2d(F.conv2d(x, weight, padding=1), 2)
    torch.testing.assert_close(downconvolve(x, weight), wanted)


def test_an_image_is_looked_at_for_itself() -> None:
    network, images = build(content_of(random_classifier(CHANNELS, compares=True))), pictures(3, 32)
    together = network.log_odds(images)
    torch.testing.assert_close(together[1:2], network.log_odds(images[1:2]))
    torch.testing.assert_close(together[1:2], -2 * network(images[1:2]))


def test_a_file_is_read_and_none_of_its_code_run(tmp_path: Path) -> None:
    state, path = random_classifier(CHANNELS), tmp_path / "classifier.pkl"
    write_classifier(path, state | {"FromRGB_lod1/weight": torch.ones(1, 1, 3, 2)})
    network = read_attribute_network(path)
    assert network.config.channels == CHANNELS and network.config.resolution == 32
    assert (network.config.group_size, network.config.blurred, network.config.late) == (0, 0, 0)
    wanted = naive_classifier(state, pictures(2, 32))
    torch.testing.assert_close(network(pictures(2, 32)).double(), wanted, rtol=1e-4, atol=1e-4)
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_the_kind_of_discriminator_says_whether_it_blurs(caplog: pytest.LogCaptureFixture) -> None:
    state = random_classifier(CHANNELS)
    assert build(content_of(state, "D_basic")).config.blurred
    assert build(content_of(state, "D_paper", blur_filter=[1, 2, 1])).config.blurred
    assert not build(content_of(state, "D_basic", blur_filter=[])).config.blurred
    assert caplog.text == ""
    assert not build(content_of(state, "classifier_net")).config.blurred
    assert "made by 'classifier_net', which is taken for PGGAN's" in caplog.text


def changed(change: dict[str, Any]) -> dict[str, Any]:
    """A classifier's content with other entries; None removes one."""
    given = {k if k.startswith("Gs.") else f"Gs.variables.{k}": v for k, v in change.items()}
    content = content_of(random_classifier(CHANNELS)) | given
    return {k: leaf for k, leaf in content.items() if leaf is not None}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"FromRGB_lod0/weight": None}, "it has no layers FromRGB_lod0"),
        ({"8x8/Conv0/bias": None}, "lacks the tensors 8x8/Conv0/bias"),
        ({"16x16/Conv1_down/weight": None}, "lacks the tensors 16x16/Conv1_down/weight"),
        ({"4x4/Dense2/bias": torch.ones(1)}, r"has unknown tensors 4x4/Dense2/bias \(1\)"),
        ({"4x4/Conv/weight": torch.ones(3, 3, 9, 4)}, "4x4/Conv/weight of shape .3, 3, 9, 4."),
        ({"4x4/Dense1/weight": torch.ones(5, 2)}, "4x4/Dense1/weight of shape .5, 2. does not"),
        ({"4x4/Dense0/weight": torch.ones(5)}, "4x4/Dense0/weight of shape .5,. does not"),
        ({"lod": torch.tensor(1.0)}, "in the middle of its growth"),
        ({"Gs.static_kwargs.use_wscale": False}, "use_wscale=False; only True is known"),
        ({"Gs.static_kwargs.label_size": 2}, "label_size=2; only 0 is known"),
        ({"Gs.static_kwargs.blur_filter": [1, 3, 3, 1]}, "blur_filter=.1, 3, 3, 1."),
    ],
)
def test_networks_that_do_not_fit(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        build(changed(change))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<html>no more downloads today</html>", "it is a web page"),
        (pickle.dumps({"a": [1, 2]}), "it has no layers FromRGB_lod0"),
        (pickle.dumps(Path("x")), "pathlib"),
        (b"\x80\x04nonsense", "damaged"),
        (b"", "it is empty"),
    ],
)
def test_files_that_hold_no_classifier(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "celebahq-classifier-01-smiling.pkl"
    path.write_bytes(data)
    with pytest.raises(UserError, match=message) as error:
        read_attribute_network(path)
    assert str(error.value).startswith(f"{path} holds no attribute classifier that can be read: ")
    assert "fetch_weights.py celeba_attributes" in str(error.value)
    assert "\n" not in str(error.value)
