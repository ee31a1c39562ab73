"""The discriminator: its statistics channel against a naive version, gradients, invariances."""

import pytest
import torch
from torch import Tensor

from pipeline.generators.discriminator import Discriminator, DiscriminatorBlock, minibatch_stddev


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("n", "group"), [(8, 4), (4, 4), (6, 2), (3, 1), (1, 1)])
def test_minibatch_stddev(n: int, group: int) -> None:
    """Sample i belongs to the group of those with the same i modulo n / group."""
    x = draw(n, 3, 2, 2)
    y = minibatch_stddev(x)
    torch.testing.assert_close(y[:, :3], x)
    for i in range(n):
        members = x[i % (n // group) :: n // group].double()
        variance = ((members - members.mean(0)) ** 2).mean(0)
        expected = float((variance + 1e-8).sqrt().mean())
        torch.testing.assert_close(y[i, 3], torch.full((2, 2), expected))


def test_equal_images_have_no_deviation() -> None:
    y = minibatch_stddev(draw(1, 3, 2, 2).expand(4, -1, -1, -1))
    assert float(y[:, 3].max()) == pytest.approx(1e-4)


def test_gradients_against_finite_differences() -> None:
    torch.manual_seed(0)
    network = Discriminator((4, 3)).double()
    images = draw(2, 3, 8, 8).double().requires_grad_()
    assert torch.autograd.gradcheck(network, (images,))


def test_second_order_gradients_reach_the_weights() -> None:
    """R1 needs them: the derivative of a squared gradient with respect to a weight."""
    torch.manual_seed(0)
    network = Discriminator((4, 3)).double()
    images = draw(2, 3, 8, 8).double().requires_grad_()
    weight = network.blocks[0].conv1.weight

    def penalty() -> Tensor:
        (gradient,) = torch.autograd.grad(network(images).sum(), images, create_graph=True)
        return gradient.square().sum()

    (derivative,) = torch.autograd.grad(penalty(), weight)
    step = 1e-6
    with torch.no_grad():
        weight[0, 0, 1, 1] += step
    above = penalty().item()
    with torch.no_grad():
        weight[0, 0, 1, 1] -= 2 * step
    numeric = (above - penalty().item()) / (2 * step)
    assert float(derivative[0, 0, 1, 1]) == pytest.approx(numeric, rel=1e-5)


@pytest.mark.parametrize("n", [1, 3, 8])
def test_one_logit_per_image(n: int) -> None:
    torch.manual_seed(0)
    assert Discriminator((4, 4, 3))(draw(n, 3, 16, 16)).shape == (n,)


def test_a_block_keeps_the_variance_of_white_noise() -> None:
    torch.manual_seed(0)
    block = DiscriminatorBlock(64, 64)
    assert block(draw(2, 64, 32, 32)).shape == (2, 64, 16, 16)
    assert float(block.skip.weight_gain) == pytest.approx((0.5 / 64) ** 0.5)
    assert float(block.conv1.weight_gain) == pytest.approx((0.5 * 2 / (64 * 9)) ** 0.5)
