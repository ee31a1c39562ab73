"""The mapping network: a closed form, classes, and the mean of w."""

import math

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.mapping import MappingNetwork


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def lrelu(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.2 * x) * math.sqrt(2)


def normalised(x: Tensor) -> Tensor:
    return x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()


@pytest.fixture
def conditional() -> MappingNetwork:
    torch.manual_seed(0)
    network = MappingNetwork(4, 6, num_layers=1, num_classes=3).requires_grad_(False)
    network.embed.bias.copy_(draw(6))
    return network


def test_class_embedding_stands_beside_z(conditional: MappingNetwork) -> None:
    z, labels = draw(3, 4), torch.tensor([2, 0, 2])
    embedded = (conditional.embed.weight / math.sqrt(3)).T[labels] + conditional.embed.bias
    x = torch.cat([normalised(z), normalised(embedded)], dim=1)
    layer = conditional.fc0
    expected = lrelu(x @ layer.weight.T * 0.01 / math.sqrt(10) + layer.bias * 0.01)
    torch.testing.assert_close(conditional(z, labels), expected)


def test_weights_of_classes_are_labels_too(conditional: MappingNetwork) -> None:
    z, labels = draw(2, 4), torch.tensor([1, 2])
    one_hot = torch.eye(3)[labels]
    torch.testing.assert_close(conditional(z, one_hot), conditional(z, labels))
    assert not torch.allclose(conditional(z, torch.full((2, 3), 1 / 3)), conditional(z, labels))


def test_missing_and_unknown_labels_are_refused(conditional: MappingNetwork) -> None:
    with pytest.raises(UserError, match="class-conditional: its codes need labels"):
        conditional(draw(2, 4))
    for labels in ([0, 3], [-1, 0]):
        with pytest.raises(UserError, match=r"must lie in 0\.\.2"):
            conditional(draw(2, 4), torch.tensor(labels))


def test_the_scale_of_z_does_not_matter() -> None:
    torch.manual_seed(0)
    network = MappingNetwork(4, 6, num_layers=2).double()
    z = draw(3, 4).double()
    torch.testing.assert_close(network(7 * z), network(z))


def test_the_mean_of_w_follows_the_batches() -> None:
    network = MappingNetwork(4, 6, num_layers=1, w_avg_beta=0.9)
    first, second = draw(5, 6), draw(5, 6, seed=1)
    network.track_mean(first)
    network.track_mean(second)
    expected = 0.1 * (0.9 * first.mean(0) + second.mean(0))
    torch.testing.assert_close(network.w_avg, expected)
