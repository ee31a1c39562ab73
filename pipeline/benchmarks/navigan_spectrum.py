"""The leading eigenvectors of a perceptual Hessian: the published power iteration and ours.

Counted are the batches sent through generator and features, forward, forward derivative or
backward, one each: what takes the time, on every machine alike. The published code renders the
unmoved images anew for every gradient; here its references are kept, so that it counts for less.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pipeline.evaluators.embedded import EmbeddedDistance
from pipeline.evaluators.embedding import EmbeddedFeatureVectors
from pipeline.generators.weights import load_stylegan2
from pipeline.methods.leading_eigenvectors import Eigenvectors, block_krylov, power_iteration
from pipeline.methods.perceptual_hessian import PerceptualHessian

SEED = 4242
TARGET = 0.99
TOLERANCES = (5e-3, 2e-3, 1e-3, 1e-4)
ITERATIONS = (10, 20, 40, 80, 160, 320)
EXPLICIT = 1024  # dimensions up to which the Hessian is written out

Make = Callable[[], PerceptualHessian]


@dataclass(frozen=True)
class Way:
    """What a way to the eigenvectors took and gave.

    Attributes:
        name: what it is called, with its setting.
        passes: see :class:`PerceptualHessian`.
        cosine: the least of all to the reference.
    """

    name: str
    passes: int
    cosine: float


def cosines(found: Tensor, reference: Tensor) -> Tensor:
    """How alike rows ``[k, d]`` are, whatever their sign, ``[k]``."""
    return (found.double() * reference.double()).sum(1).abs()


def reference(make: Make, count: int) -> Tensor:
    """The eigenvectors ``[count, d]``: of the explicit matrix, else ours at a small tolerance."""
    hessian = make()
    d = len(hessian.point)
    if d > EXPLICIT:
        random = torch.Generator().manual_seed(SEED + 1)
        return block_krylov(hessian.multiply, hessian.point, count, random, 5e-5).vectors
    explicit = hessian.multiply(torch.eye(d).to(hessian.point)).double()
    rows: Tensor = torch.linalg.eigh((explicit + explicit.T) / 2).eigenvectors.T
    return rows.flip(0)[:count]


def by_block(make: Make, exact: Tensor) -> Way:
    """Ours, with the first tolerance that reaches the target."""

    def solved(tolerance: float) -> Callable[[PerceptualHessian], Eigenvectors]:
        random = torch.Generator().manual_seed(SEED)
        return lambda h: block_krylov(h.multiply, h.point, len(exact), random, tolerance)

    ways = {f"block Krylov, exact products, tolerance {t:g}": solved(t) for t in TOLERANCES}
    return _first(ways, make, exact)


def by_power(make: Make, exact: Tensor, most: int = ITERATIONS[-1]) -> Way:
    """Eq. 4, with the first number of iterations that reaches the target, v made unit each time."""
    ways = {
        f"power iteration, {n} for each": _power(len(exact), n, normalise=True)
        for n in ITERATIONS
        if n <= most
    }
    return _first(ways, make, exact)


def as_published(make: Make, exact: Tensor) -> Way:
    """Eq. 4 with the paper's ten iterations, v as it comes."""
    return _first({"as published: ten each": _power(len(exact), 10, False)}, make, exact)


def _power(
    count: int, iterations: int, normalise: bool
) -> Callable[[PerceptualHessian], Eigenvectors]:
    random = torch.Generator().manual_seed(SEED)
    return lambda h: power_iteration(
        h.gradient, h.point, count, random, iterations, normalise=normalise
    )


def _first(
    ways: dict[str, Callable[[PerceptualHessian], Eigenvectors]], make: Make, exact: Tensor
) -> Way:
    """The first that reaches the target, or the last; only its own passes count."""
    for name, solve in ways.items():
        hessian = make()
        alike = cosines(solve(hessian).vectors, exact)
        way = Way(name, hessian.passes, float(alike.min()))
        if way.cosine >= TARGET:
            break
    return way


def report(layer: str, count: int, codes: int, most: int) -> None:
    """Print passes and accuracy of every way, on the shipped generator.

    Args:
        layer: whose kernel.
        count: eigenvectors.
        codes: that the distance is averaged over.
        most: iterations of the power iteration, at most.
    """
    generator = load_stylegan2(
        Path("stylegan2_procfaces.safetensors"), "stylegan2_procfaces", truncation_psi=0.8
    )
    drawn = generator.sample(codes, torch.Generator().manual_seed(SEED))
    embedding = EmbeddedFeatureVectors(EmbeddedDistance.load())

    def make() -> PerceptualHessian:
        return PerceptualHessian(generator, drawn, layer, embedding, batch=16, resolution=64)

    exact = reference(make, count)
    kind = "explicit" if exact.shape[1] <= EXPLICIT else "block Krylov, tolerance 5e-5"
    print(
        f"{count} eigenvectors of {layer} ({exact.shape[1]} weights), {codes} codes; least cosine "
        f"to the reference ({kind}); one pass is one batch, forward or backward"
    )
    print(f"{'':52}{'passes':>9}{'share':>8}{'cosine':>9}")
    power = by_power(make, exact, most)
    for way in (as_published(make, exact), power, by_block(make, exact)):
        share = way.passes / power.passes
        print(f"{way.name:52}{way.passes:9}{share:8.2f}{way.cosine:9.4f}", flush=True)
