"""The four methods of NaviGAN: what they find, their presets, and what every method must pass."""

from typing import Any

import pytest
import torch

from pipeline.errors import UserError
from pipeline.methods import shift_training
from pipeline.methods.edits import Edits
from pipeline.methods.kernel_basis import SingularBasis, VectorBasis
from pipeline.methods.navigan import NaviGAN
from pipeline.methods.navigan_hybrid import NaviGANHybrid
from pipeline.methods.navigan_optimization import NaviGANOptimization
from pipeline.methods.navigan_spectrum import EigenSolver, NaviGANSpectrum, SpectralMethod
from pipeline.methods.navigan_svd import NaviGANSVD
from pipeline.methods.perceptual_hessian import PerceptualHessian
from pipeline.methods.shift_training import Trained
from pipeline.methods.weight_shift import WeightShiftEdit
from pipeline.regions.box import Box
from pipeline.regions.region import Region
from tests.generators.networks import small_network
from tests.generic import MethodCase, WaveGenerator
from tests.methods.navigation import SmallEmbedding, codes_of

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is")
"""PyTorch's own forward mode warns of itself when it is first used."""

NETWORK = small_network()
CODES = codes_of(NETWORK)
EVERYWHERE = Box("all", [0.5, 0.5], [1, 1])
SPECTRAL: dict[str, Any] = {"num_codes": 3, "codes_at_once": 2, "hessian_resolution": 8}
TRAINED: dict[str, Any] = {"num_directions": 2, "steps": 2, "batch": 2, "resolution": 16}


def sighted(method: SpectralMethod) -> SpectralMethod:
    method.embedding = SmallEmbedding()
    return method


def one_of(kind: str, layer: str = "b8.torgb") -> NaviGAN:
    if kind == "svd":
        return NaviGANSVD(layer, num_directions=2)
    if kind == "optimization":
        return NaviGANOptimization(layer, **TRAINED)
    if kind == "spectrum":
        return sighted(NaviGANSpectrum(layer, num_directions=2, **SPECTRAL))
    return sighted(NaviGANHybrid(layer, vectors=3, **SPECTRAL, **TRAINED))


@pytest.fixture(autouse=True)
def _few_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shift_training, "HELD_OUT", 4)


def directions(edits: Edits) -> torch.Tensor:
    return torch.stack([edit.shift for edit in edits if isinstance(edit, WeightShiftEdit)])


def test_svd_moves_the_greatest_singular_values() -> None:
    edits = one_of("svd", "b8.conv1").discover(NETWORK, CODES, EVERYWHERE)
    basis = SingularBasis.of(NETWORK.kernels["b8.conv1"])
    assert [edit.name for edit in edits] == [f"navigan_svd/b8.conv1/{i}" for i in range(2)]
    expected = basis.shifts(torch.eye(2, len(basis), dtype=torch.float64))
    torch.testing.assert_close(directions(edits), expected)
    torch.testing.assert_close(edits.extra["singular_values"], basis.values)


@pytest.mark.parametrize("solver", EigenSolver)
def test_spectrum_finds_eigenvectors(solver: EigenSolver) -> None:
    options = {**SPECTRAL, "solver": solver, "iterations": 60, "epsilon": 1e-3, "tolerance": 1e-4}
    method = sighted(NaviGANSpectrum("b8.torgb", num_directions=2, **options))
    edits = method.discover(NETWORK, CODES, EVERYWHERE)
    hessian = PerceptualHessian(NETWORK, CODES, "b8.torgb", SmallEmbedding(), 2, 8)
    found = directions(edits).flatten(1)
    values = edits.extra["eigenvalues"]
    torch.testing.assert_close(
        hessian.multiply(found), values[:, None] * found, rtol=0, atol=0.02 * float(values[0])
    )
    assert edits.notes["passes"] > 0


def test_hybrid_stays_within_the_eigenvectors() -> None:
    method = one_of("hybrid")
    assert isinstance(method, NaviGANHybrid)
    edits = method.discover(NETWORK, CODES, EVERYWHERE, seed=1)
    basis = method.basis(NETWORK, CODES, 1, None)
    assert isinstance(basis, VectorBasis)
    span, found = basis.vectors.flatten(1), directions(edits).flatten(1)
    torch.testing.assert_close(found @ span.T @ span, found)
    torch.testing.assert_close(found.norm(dim=1), torch.ones(2, dtype=torch.float64))
    assert edits.extra["curve"].shape == (1, 5)


def test_what_was_made_before_is_taken() -> None:
    """A spectrum and a training of stages of their own."""
    method = one_of("hybrid")
    assert isinstance(method, NaviGANHybrid)
    made = one_of("spectrum")
    assert isinstance(made, NaviGANSpectrum)
    method.spectrum = made.spectral.taken(NETWORK, CODES, SmallEmbedding(), 5)
    method.embedding = None
    coefficients = torch.eye(2)
    method.trained = Trained(coefficients, torch.zeros(1, 5).double(), 0.5, 0.1, 3.0)
    edits = method.discover(NETWORK, CODES, EVERYWHERE)
    torch.testing.assert_close(directions(edits), method.spectrum.shifts)
    assert edits.notes["accuracy"] == 0.5


def test_presets() -> None:
    """The paper's section 3.2 to 3.4; the README's commands."""
    optimised = NaviGANOptimization("b8.conv1", preset="paper").recipe
    assert (optimised.directions, optimised.steps, optimised.batch) == (64, 100_000, 32)
    assert (optimised.magnitude, optimised.least, optimised.rate) == (3500, 0, 1e-4)
    assert optimised.regression == pytest.approx(2.5e-3 * 3500)
    assert NaviGANOptimization("b8.conv1", preset="readme").recipe.least * 3500 == 300
    hybrid = NaviGANHybrid("b8.conv1", preset="paper")
    assert (hybrid.recipe.magnitude, hybrid.recipe.batch) == (80, 16)
    assert hybrid.recipe.regression == pytest.approx(0.2)
    assert (hybrid.spectral.vectors, hybrid.spectral.codes) == (64, 512)
    readme = NaviGANHybrid("b8.conv1", preset="readme").recipe
    assert (readme.magnitude, readme.least * 60, readme.regression, readme.batch) == (
        60,
        15,
        15,
        32,
    )
    spectrum = NaviGANSpectrum("b8.conv1", preset="paper").spectral
    assert (spectrum.iterations, spectrum.epsilon, spectrum.resolution) == (10, 0.1, 64)
    assert spectrum.solver == EigenSolver.POWER
    assert NaviGANSpectrum("b8.conv1", preset="readme").spectral.iterations == 20
    faster = NaviGANSpectrum("b8.conv1", preset="paper", solver=EigenSolver.BLOCK).spectral
    assert (faster.solver, faster.vectors) == (EigenSolver.BLOCK, 64)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: NaviGANOptimization("b8.conv1", preset="papr"), "Did you mean preset=paper"),
        (lambda: NaviGANSpectrum("b8.conv1", solver="lanczos"), "Unknown solver 'lanczos'"),  # type: ignore[arg-type]
        (lambda: NaviGANSpectrum("b8.conv1", distance="vgg"), "Unknown distance 'vgg'"),
        (lambda: NaviGANSpectrum("b8.conv1", tolerance=2.0), "between 0 and 1"),
        (lambda: NaviGANSVD("b8.conv1", num_directions=0), "num_directions=0"),
        (lambda: NaviGANHybrid("b8.conv1", vectors=1), "vectors=1"),
    ],
)
def test_impossible_options(make: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        make()


def test_impossible_combinations() -> None:
    with pytest.raises(UserError, match="needs the space 'parameters'"):
        one_of("svd").check(WaveGenerator(), EVERYWHERE)
    with pytest.raises(UserError, match="Unknown layer 'b32.conv1'"):
        one_of("svd", "b32.conv1").check(NETWORK, EVERYWHERE)
    with pytest.raises(UserError, match="only 3 codes"):
        method = sighted(NaviGANSpectrum("b8.torgb", **{**SPECTRAL, "num_codes": 4}))
        method.discover(NETWORK, CODES, EVERYWHERE)
    with pytest.raises(UserError, match="none was given"):
        NaviGANSpectrum("b8.torgb", **SPECTRAL).discover(NETWORK, CODES, EVERYWHERE)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is")
class TestNaviGANAsMethod(MethodCase):
    """The common ground of all methods."""

    @pytest.fixture(params=["svd", "optimization", "spectrum", "hybrid"])
    def method(self, request: pytest.FixtureRequest) -> NaviGAN:
        """Each of the four."""
        return one_of(request.param)

    @pytest.fixture
    def generator(self) -> Any:
        """A float32 one, as a job has."""
        return small_network(dtype=torch.float32)

    @pytest.fixture
    def region(self) -> Region:
        """Any."""
        return EVERYWHERE
