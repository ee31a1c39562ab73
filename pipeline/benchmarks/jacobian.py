"""ReSeFa's discovery by this project and as its public code goes about it, on the same networks.

In W: seconds, peak memory and accuracy of both, and how near ours is to forward-mode products
alone. In W+: the solution without matrices against the full one. The networks have random weights:
what is measured depends on their sizes only.
"""

import copy
import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.func import jvp, vmap

from pipeline.benchmarks import reference
from pipeline.benchmarks.memory import Prepared, peak_bytes
from pipeline.generators.base import Codes, Space
from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config, channels_for
from pipeline.methods.clock import now
from pipeline.methods.eigen import Spectrum, regularised
from pipeline.methods.gram import gram_matrices
from pipeline.methods.gram_products import GramProducts
from pipeline.methods.jacobian import ImageFunction, Linearisation, jacobian
from pipeline.methods.matrix_free import leading
from pipeline.regions.box import Box

MOUTH = Box("mouth", [0.71875, 0.49609375], [0.1171875, 0.2734375])  # the reference's, of FFHQ
LEADING = 5


@dataclass(frozen=True)
class Case:
    """A network of random weights and how its Jacobian is taken.

    Attributes:
        channels: of each block, from 4 x 4 up.
        chunk: columns at a time.
        max_bytes: bound on the part of the Jacobian that ours holds in memory.
    """

    resolution: int
    channels: tuple[int, ...]
    w_dim: int = 512
    chunk: int = 8
    max_bytes: int = 2**26
    device: str = "cpu"
    seed: int = 0

    @property
    def rows(self) -> int:
        """Of the Jacobian: values of an image."""
        return 3 * self.resolution**2

    def network(self) -> StyleGAN2:
        """The network; the same for the same case."""
        config = StyleGAN2Config(
            self.resolution, self.channels, z_dim=self.w_dim, w_dim=self.w_dim, mapping_layers=2
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = StyleGAN2(config)
        return network.eval().requires_grad_(False).to(self.device)

    def functions(
        self, network: StyleGAN2, space: Space = Space.W, count: int = 1
    ) -> tuple[list[ImageFunction], Tensor]:
        """The images of so many codes as functions of a step from them, and the step zero."""
        random = torch.Generator().manual_seed(self.seed)
        sampled = network.sample(count, random)
        sampled = sampled.with_values(sampled.values.to(network.w_avg.dtype))
        codes = network.convert(sampled, Space.W_PLUS)
        shape = (1, self.w_dim) if space == Space.W else (network.num_ws, self.w_dim)

        def function_of(values: Tensor) -> ImageFunction:
            return lambda step: network.render(
                Codes(Space.W_PLUS, (values + step.view(shape))[None])
            )[0]

        return [function_of(values) for values in codes.values], codes.values.new_zeros(
            math.prod(shape)
        )

    def mask(self) -> Tensor:
        """Of the mouth, ``[r, r]``."""
        return MOUTH.mask(self.resolution).to(self.device)

    def inside(self) -> Tensor:
        """Which rows of the Jacobian belong to the mouth."""
        return self.mask().bool().expand(3, -1, -1).flatten()


CASES = {
    64: Case(64, (128, 128, 96, 48, 32), w_dim=128),  # the embedded generator's widths
    256: Case(256, channels_for(256, 4096), chunk=1),  # a quarter of the official channels
}
_WARM_UP = Case(8, (4, 4), w_dim=8)


@dataclass(frozen=True)
class InW:
    """Seconds and accuracy in W, of one code.

    Attributes:
        public: the public code's way for all rows, extrapolated: Jacobian and solution.
        sampled: the rows that were measured for it.
        ours: Jacobian with its products, and solution.
        products: the forward-mode products alone, by the same means.
        torch_forward: these by ``vmap`` of ``jvp``, extrapolated from two batches.
        images: as many images in batches of the same size.
        cosines: of ours with the same in float64 throughout, leading directions.
        public_cosines: of the public code's solution, regularised alike, from our Jacobian.
        public_default_cosines: without regularisation, its default, against float64 likewise.
    """

    public: tuple[float, float]
    sampled: int
    ours: tuple[float, float]
    products: float
    torch_forward: float
    images: float
    cosines: tuple[float, ...]
    public_cosines: tuple[float, ...]
    public_default_cosines: tuple[float, ...]

    @property
    def speed_up(self) -> float:
        """Ours against the public code's way, end to end."""
        return sum(self.public) / sum(self.ours)

    @property
    def overhead(self) -> float:
        """Ours, end to end, against the products alone."""
        return sum(self.ours) / self.products


def in_w(case: Case, sampled: int, runs: int) -> InW:
    """Measure both ways in W; ours and the products alone in turns."""
    network = case.network()
    (function,), point = case.functions(network)
    warm_up(case.device)
    ours, products = [], []
    for _ in range(runs):
        products.append(_seconds(lambda: _products_alone(case, function, point), point))
        ours.append(_ours(case, [function], point))
    middle = sorted(ours, key=lambda run: run[0] + run[1])[runs // 2]
    rows = torch.linspace(0, case.rows - 1, sampled).long().tolist()
    _, times = reference.rows_of(function, point, rows)
    whole = jacobian(function, point, case.chunk).flatten(0, 2)
    exact = _float64(case, network)
    public: list[Tensor] = []
    inside = case.inside()
    solution = _seconds(lambda: public.append(reference.directions(whole, inside, 1e-3)), point)
    plain = reference.directions(whole, inside, 0.0)
    return InW(
        public=(times.whole(case.rows), solution),
        sampled=sampled,
        ours=middle[:2],
        products=statistics.median(products),
        torch_forward=_torch_forward(case, function, point),
        images=_images(case, network),
        cosines=_cosines(middle[2].directions, exact[0].directions),
        public_cosines=_cosines(public[0], exact[0].directions),
        public_default_cosines=_cosines(plain, exact[1].directions),
    )


@dataclass(frozen=True)
class Memory:
    """Peak bytes of both ways on so many codes; None where it cannot be measured."""

    codes: int
    public: int | None
    ours: int | None

    @property
    def ratio(self) -> float | None:
        """The public code's way against ours."""
        return None if self.public is None or self.ours is None else self.public / self.ours


def memory(case: Case, codes: int) -> Memory:
    """Measure both, each in a process of its own."""
    public = peak_bytes(_prepare_public, case, codes)
    return Memory(codes, public, peak_bytes(_prepare_ours, case, codes))


@dataclass(frozen=True)
class InWPlus:
    """Seconds and accuracy in W+, of one code.

    Attributes:
        dimensions: of W+.
        full: Jacobian and solution; the latter None where only the columns were extrapolated.
        free: the solution without matrices.
        vectors: the vectors that it multiplied.
        residuals: what it says of its accuracy, per direction.
        trace_error: likewise, of the trace.
        cosines: of its directions with those of the full solution.
        eigenvalue_errors: relative, likewise.
    """

    dimensions: int
    full: tuple[float, float | None]
    free: float
    vectors: int
    residuals: tuple[float, ...]
    trace_error: float
    cosines: tuple[float, ...]
    eigenvalue_errors: tuple[float, ...]


def in_w_plus(case: Case, full: bool) -> InWPlus:
    """Measure in W+; without ``full``, the columns of the full solution are extrapolated."""
    (function,), point = case.functions(case.network(), Space.W_PLUS)
    warm_up(case.device)
    began = now(point.device)
    products = GramProducts([function], point, case.mask(), case.chunk)
    free = leading(products, LEADING, torch.Generator().manual_seed(case.seed))
    seconds = now(point.device) - began
    compared: tuple[tuple[float, ...], tuple[float, ...]] = (), ()
    if full:
        columns, solution, spectrum = _ours(case, [function], point)
        taken: tuple[float, float | None] = columns, solution
        errors = (free.eigenvalues / spectrum.eigenvalues[:LEADING] - 1).abs()
        compared = _cosines(free.directions, spectrum.directions), tuple(errors.tolist())
    else:
        taken = _some_columns(case, function, point) * len(point), None
    return InWPlus(
        len(point),
        taken,
        seconds,
        free.products,
        tuple(free.residuals.tolist()),
        free.trace_error / free.trace,
        *compared,
    )


def warm_up(device: str = "cpu") -> None:
    """Everything once on a tiny network: what is compiled or imported on first use is there."""
    case = Case(_WARM_UP.resolution, _WARM_UP.channels, _WARM_UP.w_dim, device=device)
    functions, point = case.functions(case.network())
    _ours(case, functions, point)
    reference.hold_everything(functions, point, case.inside(), 2)
    GramProducts(functions, point, case.mask())(torch.eye(len(point)).to(point))


def _prepare_ours(case: Case, codes: int) -> Prepared:
    warm_up(case.device)
    functions, point = case.functions(case.network(), count=codes)
    functions[0](point)
    return lambda: _ours(case, functions, point)


def _prepare_public(case: Case, codes: int) -> Prepared:
    warm_up(case.device)
    functions, point = case.functions(case.network(), count=codes)
    functions[0](point)
    return lambda: reference.hold_everything(functions, point, case.inside(), 5)


def _ours(
    case: Case, functions: list[ImageFunction], point: Tensor
) -> tuple[float, float, Spectrum]:
    """Seconds of the Jacobian with its products, of the solution, and the solution."""
    times = [now(point.device)]
    grams = gram_matrices(functions, point, case.mask()[None], case.chunk, case.max_bytes)
    times.append(now(point.device))
    spectrum = regularised(grams.mean(inside=True), grams.mean(inside=False))
    times.append(now(point.device))
    return times[1] - times[0], times[2] - times[1], spectrum


def _products_alone(case: Case, function: ImageFunction, point: Tensor) -> None:
    linear = Linearisation(function, point)
    for start in range(0, len(point), case.chunk):
        linear.columns(start, min(start + case.chunk, len(point)))


def _some_columns(case: Case, function: ImageFunction, point: Tensor) -> float:
    """Seconds per column, from eight batches."""
    linear = Linearisation(function, point)
    count = min(8 * case.chunk, len(point))
    starts = range(0, count, case.chunk)
    run = _seconds(lambda: [linear.columns(k, min(k + case.chunk, count)) for k in starts], point)
    return run / count


def _torch_forward(case: Case, function: ImageFunction, point: Tensor) -> float:
    """Seconds of all columns by torch's own forward mode, from two batches."""
    tangents = torch.eye(len(point)).to(point)[: case.chunk]

    def batch() -> Tensor:
        with torch.no_grad():
            columns: Tensor = vmap(lambda v: jvp(function, (point,), (v,))[1])(tangents)
        return columns

    batch()
    return _seconds(lambda: (batch(), batch()), point) / 2 / len(tangents) * len(point)


def _images(case: Case, network: StyleGAN2) -> float:
    """Seconds of as many images as W has dimensions, from two batches."""
    codes = Codes(Space.W, network.w_avg.expand(case.chunk, -1))
    with torch.no_grad():
        network.render(codes)
        seconds = _seconds(lambda: (network.render(codes), network.render(codes)), network.w_avg)
    return seconds / 2 / case.chunk * case.w_dim


def _float64(case: Case, network: StyleGAN2) -> tuple[Spectrum, Spectrum]:
    """The solution in float64 throughout, regularised and (almost) not."""
    functions, point = case.functions(copy.deepcopy(network).double())
    grams = gram_matrices(functions, point, case.mask()[None], case.chunk)
    matrices = grams.mean(inside=True), grams.mean(inside=False)
    return regularised(*matrices), regularised(*matrices, tau=1e-12)


def _cosines(found: Tensor, exact: Tensor) -> tuple[float, ...]:
    found, exact = found[:LEADING].double(), exact[:LEADING].double()
    lengths = found.norm(dim=1) * exact.norm(dim=1)
    return tuple(((found * exact).sum(1).abs() / lengths).tolist())


def _seconds(work: Callable[[], object], like: Tensor) -> float:
    began = now(like.device)
    work()
    return now(like.device) - began
