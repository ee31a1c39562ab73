"""Products with the Hessian against the Hessian by double differentiation, and what they cost."""

import pytest
import torch
from torch import Tensor

from pipeline.benchmarks.navigan_spectrum import TARGET, by_block, by_power, reference
from pipeline.evaluators.embedding import feature_vectors
from pipeline.methods.perceptual_hessian import PerceptualHessian
from tests.evaluators.test_embedding import random_lpips
from tests.generators.networks import small_network
from tests.methods.navigation import SMALL, SmallEmbedding, codes_of

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is")
"""PyTorch's own forward mode warns of itself when it is first used."""

NETWORK = small_network()


def hessian_of(layer: str, resolution: int | None = None, n: int = 3) -> PerceptualHessian:
    return PerceptualHessian(
        NETWORK, codes_of(NETWORK, n), layer, SmallEmbedding(), batch=2, resolution=resolution
    )


def explicit(hessian: PerceptualHessian) -> Tensor:
    """By reverse mode twice, of the distance itself."""
    matrix: Tensor = torch.autograd.functional.hessian(hessian.distance, hessian.point)
    return matrix


@pytest.mark.parametrize(("layer", "resolution"), [("b4.torgb", None), ("b8.torgb", 8)])
def test_products_are_those_of_the_hessian(layer: str, resolution: int | None) -> None:
    hessian = hessian_of(layer, resolution)
    expected = explicit(hessian)
    found = hessian.multiply(torch.eye(len(expected), dtype=torch.float64))
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9 * float(expected.max()))
    assert torch.linalg.eigvalsh(expected)[0] > -1e-9 * expected.max()


def test_the_gradient_is_that_of_the_distance() -> None:
    hessian = hessian_of("b8.conv1")
    assert not hessian.gradient(hessian.point).any()
    random = torch.Generator().manual_seed(4)
    alpha = 0.1 * torch.randn(len(hessian.point), generator=random, dtype=torch.float64)
    (expected,) = torch.autograd.grad(hessian.distance(alpha.requires_grad_()), alpha)
    torch.testing.assert_close(hessian.gradient(alpha), expected)


def test_passes_are_counted() -> None:
    """Two batches: each is linearised once, and its unmoved images are looked at once."""
    hessian = hessian_of("b4.torgb")
    hessian.multiply(torch.eye(21, dtype=torch.float64)[:5])
    assert hessian.passes == 2 * (2 + 5 * 2)
    hessian.multiply(torch.eye(21, dtype=torch.float64)[:1])
    assert hessian.passes == 2 * (2 + 6 * 2)
    hessian = hessian_of("b4.torgb")
    for _ in range(3):
        hessian.gradient(hessian.point)
    assert hessian.passes == 2 * (1 + 3 * 2)


@pytest.mark.parametrize("name", [name for name in SMALL if name != "stylegan2"])
def test_every_architecture_has_one(name: str) -> None:
    generator = SMALL[name]()
    layer = list(generator.kernels)[-1]
    hessian = PerceptualHessian(generator, codes_of(generator, 2), layer, SmallEmbedding())
    random = torch.Generator().manual_seed(4)
    v = torch.randn(1, len(hessian.point), generator=random, dtype=torch.float64)
    step = 1e-4
    ahead, behind = hessian.gradient(step * v[0]), hessian.gradient(-step * v[0])
    expected = (ahead - behind) / (2 * step)
    found = hessian.multiply(v)[0]
    assert found.abs().max() > 0
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4 * float(found.abs().max()))


def test_of_lpips() -> None:
    """Its network changes tensors in place, and pools maxima."""
    network = small_network(dtype=torch.float32)
    codes = network.sample(2, torch.Generator().manual_seed(1))
    vectors = feature_vectors(random_lpips())
    hessian = PerceptualHessian(network, codes, "b16.conv1", vectors, resolution=32)
    random = torch.Generator().manual_seed(4)
    v = torch.randn(2, len(hessian.point), generator=random)
    found = hessian.multiply(v)
    assert found.isfinite().all()
    step = 1e-2
    for row in range(2):
        ahead, behind = hessian.gradient(step * v[row]), hessian.gradient(-step * v[row])
        expected = (ahead - behind) / (2 * step)
        assert torch.nn.functional.cosine_similarity(found[row], expected, dim=0) > 0.99


def test_block_solver_needs_a_fifth_of_the_passes_of_power_iteration() -> None:
    """For the same accuracy: cosines of at least 0.99 to the explicit Hessian's eigenvectors."""

    def make() -> PerceptualHessian:
        return hessian_of("b8.conv0", 8)

    exact = reference(make, 8)
    matrix = make().multiply(torch.eye(exact.shape[1], dtype=torch.float64))
    values = (exact @ matrix * exact).sum(1)
    assert torch.equal(values, values.sort(descending=True).values)
    ours, power = by_block(make, exact), by_power(make, exact, most=40)
    assert min(ours.cosine, power.cosine) >= TARGET
    assert ours.passes <= power.passes / 5
