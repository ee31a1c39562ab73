"""Poisson blending: gradients of the region copied from the reference's picture."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from pipeline.generators.base import Codes, Generator
from pipeline.methods.blending import Blending, BlendingEdit
from pipeline.methods.poisson import poisson_blend


@dataclass(frozen=True, eq=False, kw_only=True)
class PoissonBlendingEdit(BlendingEdit):
    """The reference's picture set seamlessly into the region of the target's.

    A share of the way is the same as a share of the gradients' difference, as the equation is
    linear.
    """

    def render(
        self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
    ) -> Tensor:
        """The target's images, with the reference's gradients within its region."""
        reference = self.reference_of(reference, len(codes))
        target = generator.render(codes).clamp(-1, 1)
        source = generator.render(reference).clamp(-1, 1)
        blended = poisson_blend(target, source, self.masks(generator, codes))
        return target + strengths[:, None, None, None] * (blended - target)


@dataclass
class PoissonBlending(Blending):
    """Poisson image editing (Pérez et al. 2003), for any generator; see :class:`Blending`.

    A catalog as the mask needs a generator that one is known for.
    """

    name: str = "poisson_blending"

    def edit(self, **place: Any) -> BlendingEdit:
        """See :meth:`Blending.edit`."""
        return PoissonBlendingEdit(**place)
