"""Forward-mode Jacobians against finite differences and reverse mode."""

import pytest
import torch
from torch import Tensor

from pipeline.generators.base import Codes, Space
from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config
from pipeline.methods.jacobian import Linearisation, jacobian
from tests.generic import WaveGenerator

GENERATOR = WaveGenerator()
POINT = torch.linspace(-1, 1, 6, dtype=torch.float64)


def image(w: Tensor) -> Tensor:
    """The image of one w code ``[6]``, ``[3, 16, 16]`` in float64."""
    return GENERATOR.render(Codes(Space.W, w[None]))[0]


def test_against_central_differences() -> None:
    step = 1e-5
    shifts = step * torch.eye(6, dtype=torch.float64)
    expected = torch.stack([(image(POINT + s) - image(POINT - s)) / (2 * step) for s in shifts], -1)
    torch.testing.assert_close(jacobian(image, POINT), expected, rtol=0, atol=1e-8)


def test_against_reverse_mode() -> None:
    expected = torch.func.jacrev(image)(POINT).detach()
    torch.testing.assert_close(jacobian(image, POINT), expected, rtol=0, atol=1e-13)


def test_stylegan2_against_reverse_mode() -> None:
    """Rows of the real network's Jacobian, in float64, through modulated convolutions and all."""
    network = StyleGAN2(StyleGAN2Config(8, (6, 5), z_dim=4, w_dim=4, mapping_layers=2)).double()
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=random))

    def rendered(w: Tensor) -> Tensor:
        return network.render(Codes(Space.W, w[None]))[0]

    point = torch.randn(4, generator=random, dtype=torch.float64)
    expected = torch.func.jacrev(rendered)(point).detach()
    torch.testing.assert_close(jacobian(rendered, point), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("chunk", [1, 5, 6, 7])
def test_the_chunk_does_not_matter(chunk: int) -> None:
    torch.testing.assert_close(jacobian(image, POINT, chunk), jacobian(image, POINT, 4))


def test_columns_are_those_of_the_jacobian() -> None:
    full = jacobian(image, POINT)
    torch.testing.assert_close(
        Linearisation(image, POINT).columns(2, 5), full[..., 2:5].movedim(-1, 0)
    )


def test_a_constant_has_no_derivative() -> None:
    constant = torch.ones(3, 2, 2)
    assert jacobian(lambda x: constant + 0 * x.sum(), torch.zeros(3)).abs().sum() == 0
    assert jacobian(lambda _x: constant, torch.zeros(3)).shape == (3, 2, 2, 3)


def test_leaves_no_graph_and_no_setting_behind() -> None:
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    inside: list[bool] = []

    def watched(w: Tensor) -> Tensor:
        inside.append(torch.backends.cudnn.allow_tf32)
        return image(w)

    assert not jacobian(watched, POINT).requires_grad
    assert not any(inside)
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == before
