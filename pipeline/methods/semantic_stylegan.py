"""Directions of a class's own codes in a SemanticStyleGAN (Shi et al. 2022, section 4).

Structure and texture of every class have a code w each. What moves such a code moves its class and
leaves the others' codes as they are. The paper names no directions; here they are the principal
components of what the class reads off its codes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Space
from pipeline.generators.semantic_stylegan import SemanticStyleGAN
from pipeline.methods.ganspace import SigmaEdit, untruncated
from pipeline.methods.gram import Progress
from pipeline.methods.semantic_classes import CodeKind, SemanticMethod, rows_of
from pipeline.methods.signs import unit_rows
from pipeline.methods.style_channels import sampled
from pipeline.metrics.feature_statistics import Moments
from pipeline.regions.region import Region

BATCH = 5000
LEAST = 1e-9  # of the greatest variance: what varies less does not vary


@dataclass
class SemanticDirections(SemanticMethod):
    """Principal components of the styles that classes read off their own codes, as steps of w.

    A strength is a standard deviation of the component. Several classes, and structure and texture,
    move together, as they do where all codes are one w.

    Args:
        codes: which of the classes' codes move.
        num_directions: how many components to keep, by decreasing variance.
        num_samples: codes drawn for the covariance of w, which is not truncated.
        classes: see :class:`SemanticMethod`.
    """

    codes: CodeKind = CodeKind.BOTH
    num_directions: int = 10
    num_samples: int = 20_000
    name: str = "semantic_stylegan"

    def __post_init__(self) -> None:
        if self.codes not in tuple(CodeKind):
            raise unknown_name("method.codes", self.codes, CodeKind)
        self.codes = CodeKind(self.codes)
        for option, least in (("num_directions", 1), ("num_samples", 2)):
            if getattr(self, option) < least:
                raise UserError(f"{option}={getattr(self, option)} must be at least {least}.")

    def edits(
        self,
        generator: SemanticStyleGAN,
        classes: Sequence[str],
        region: Region,
        seed: int,
        progress: Progress | None,
    ) -> tuple[tuple[SigmaEdit, ...], Tensor]:
        """The components, the greatest first, and their variances."""
        rows = rows_of(generator, classes, self.codes)
        covariance = _covariance(generator, self.num_samples, seed, progress)
        steps, variances = style_components(affine(generator, rows).to(covariance), covariance)
        count = min(self.num_directions, int((variances > LEAST * variances[0]).sum()))
        edits = tuple(self._edit(generator, region, steps[i], rows, i) for i in range(count))
        return edits, variances[:count]

    def notes(self) -> Mapping[str, object]:
        """Which codes, and from how many samples."""
        return {"codes": self.codes, "num_samples": self.num_samples}

    def _edit(
        self, generator: SemanticStyleGAN, region: Region, step: Tensor, rows: list[int], index: int
    ) -> SigmaEdit:
        shape = generator.config.num_ws, generator.config.w_dim
        moved = torch.zeros(shape, dtype=step.dtype, device=step.device)
        moved[rows] = step
        return SigmaEdit(
            name=f"{self.name}/{region.name}/{index}",
            generator=generator.name,
            fingerprint=generator.fingerprint,
            direction=(moved / moved.norm()).to(generator.w_avg),
            space=Space.W_PLUS,
            sigma=float(moved.norm()),
        )


def affine(generator: SemanticStyleGAN, rows: Sequence[int]) -> Tensor:
    """What makes styles of w in all layers that read some rows of w+, ``[m, w_dim]``."""
    weight = generator.local.affine_weight * generator.local.affine_gain
    layers = [i for i, row in enumerate(generator.expanded_rows) if row in set(rows)]
    return weight.detach().flatten(0, 1)[layers].flatten(0, 1)


def style_components(weight: Tensor, covariance: Tensor) -> tuple[Tensor, Tensor]:
    """Principal components of styles ``A w``, as steps of w by one standard deviation.

    With ``C = L L^T`` the covariance of w, that of the styles is ``A C A^T``. Its components u of
    deviation s belong to the eigenvectors v of ``L^T A^T A L``, and the step of w that goes with
    one deviation, by regression ``C A^T u / s``, is ``L v``.

    Args:
        weight: A, ``[m, w_dim]``, float64.
        covariance: C, ``[w_dim, w_dim]``, float64.

    Returns:
        Steps as rows ``[w_dim, w_dim]`` whose largest component is positive, by decreasing variance
        of the styles, and these variances ``[w_dim]``.
    """
    values, vectors = torch.linalg.eigh(covariance)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    variances, found = torch.linalg.eigh(root @ (weight.T @ weight) @ root)
    steps = (root @ found).T.flip(0)
    lengths = steps.norm(dim=1, keepdim=True)
    return unit_rows(steps) * lengths, variances.flip(0).clamp(min=0)


def _covariance(
    generator: SemanticStyleGAN, count: int, seed: int, progress: Progress | None
) -> Tensor:
    """Covariance of w over codes drawn from a seed, float64 ``[w_dim, w_dim]``."""
    random, total, done = torch.Generator().manual_seed(seed), None, 0
    for codes in sampled(generator, count, random, BATCH):
        part = Moments.of(untruncated(generator, codes))
        total, done = part if total is None else total + part, done + len(codes)
        if progress is not None:
            progress(done, count)
    if total is None:
        raise RuntimeError("at least two samples are drawn")
    return total.covariance()
