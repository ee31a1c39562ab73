"""The layers that PGGAN and StyleGAN share, and class labels."""

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.labels import class_weights
from pipeline.generators.progressive import (
    FUSED_RESOLUTION,
    Kernel,
    check_blocks,
    check_shifts,
    instance_norm,
    upconvolve,
    upconvolve_fused,
    upconvolve_plain,
)
from tests.generators.progressive_cases import naive_conv


def seeded(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("samples", [(), (2,)])
def test_both_upconvolutions_are_one_map(samples: tuple[int, ...]) -> None:
    x, weight = seeded(2, 3, 4, 5), seeded(*samples, 4, 3, 3, 3, seed=1)
    torch.testing.assert_close(upconvolve_fused(x, weight), upconvolve_plain(x, weight))


def test_fused_upconvolution_is_the_references_with_its_kernel_flipped() -> None:
    layer = Kernel(3, 4, up=True).double()
    x, theirs = seeded(2, 3, 4, 4), layer.weight.detach()
    with torch.no_grad():
        layer.weight.copy_(theirs.clone().flip(2, 3))
    expected = naive_conv(x, layer.weight.detach().flip(2, 3), fused=True)
    torch.testing.assert_close(layer(x).detach(), expected)
    expected = naive_conv(x, layer.weight.detach(), fused=False)
    torch.testing.assert_close(layer(x).detach(), expected)


@pytest.mark.parametrize("size", [FUSED_RESOLUTION // 2 - 1, FUSED_RESOLUTION // 2])
def test_upconvolution_on_both_sides_of_the_switch(size: int) -> None:
    x, weight = seeded(1, 1, 2, size), seeded(1, 1, 3, 3, seed=1)
    torch.testing.assert_close(upconvolve(x, weight), upconvolve_plain(x, weight))


def test_instance_norm_standardises_each_channel_of_each_image() -> None:
    x = instance_norm(seeded(2, 3, 8, 8) * 5 + 2, eps=1e-8)
    torch.testing.assert_close(x.mean((2, 3)), torch.zeros(2, 3, dtype=x.dtype))
    torch.testing.assert_close(x.square().mean((2, 3)), torch.ones(2, 3, dtype=x.dtype))


def test_instance_norm_adds_eps_to_the_variance() -> None:
    x = torch.tensor([-1.0, 1.0]).reshape(1, 1, 1, 2)
    torch.testing.assert_close(instance_norm(x, eps=3.0), x / 2)


@pytest.mark.parametrize("channels", [(), (4, 0), (4, 4, 4)])
def test_blocks_that_do_not_make_the_resolution(channels: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="resolution=8 must be a power of two"):
        check_blocks("PGGAN", 8, channels)


def test_shifts_that_do_not_fit() -> None:
    kernels = {"b4.conv1": torch.zeros(4, 3, 3, 3)}
    check_shifts({"b4.conv1": torch.zeros(5, 4, 3, 3, 3)}, kernels)
    with pytest.raises(UserError, match=r"Did you mean layer=b4\.conv1"):
        check_shifts({"b4.conv2": torch.zeros(4, 3, 3, 3)}, kernels)
    for shape in ((3, 4, 3, 3), (1, 1, 4, 3, 3, 3)):
        with pytest.raises(UserError, match=r"its kernel is \(4, 3, 3, 3\)"):
            check_shifts({"b4.conv1": torch.zeros(shape)}, kernels)


def test_class_weights() -> None:
    z = seeded(2, 5)
    expected = torch.tensor([[0.0, 0, 1], [1, 0, 0]], dtype=z.dtype)
    torch.testing.assert_close(class_weights(torch.tensor([2, 0]), 3, z), expected)
    torch.testing.assert_close(class_weights(expected.float(), 3, z), expected)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (None, "need labels in 0..2"),
        (torch.tensor([0, 3]), "these lie in 0..3"),
        (torch.tensor([-1, 0]), "these lie in -1..0"),
        (torch.tensor([0, 1, 2]), r"must be \[2\] or \[2, 3\]; these are \[3\]"),
        (torch.zeros(2, 4), r"these are \[2, 4\]"),
    ],
)
def test_labels_that_do_not_fit(labels: torch.Tensor | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        class_weights(labels, 3, seeded(2, 5))
