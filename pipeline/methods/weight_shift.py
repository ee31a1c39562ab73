"""Edits of a generator's weights: shifts of one kernel, given at rendering.

The network is neither copied nor changed. A batch may have one shift, or one of every sample's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from pipeline.errors import unknown_name
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.edits import Edit

NATURAL_CHANGE = 0.05  # root mean square difference of pixels, in [-1, 1], at a natural step
PROBES = 8  # images that it is measured on
FIRST_PROBE = 0.02  # of the kernel's norm
MOST = 10.0  # kernel norms, where a shift does next to nothing


class _Shiftable(Protocol):
    """A generator that offers the space ``parameters``."""

    def render(self, codes: Codes, *, shifts: Mapping[str, Tensor]) -> Tensor: ...


def render_shifted(generator: Generator, codes: Codes, shifts: Mapping[str, Tensor]) -> Tensor:
    """Images of a generator whose kernels are moved.

    Args:
        generator: offers the space ``parameters``.
        codes: n codes.
        shifts: by layer, what is added to its kernel: one shift in the kernel's shape for all
            samples, or ``[n, *kernel]``.

    Raises:
        UserError: there is no such layer, or a shift does not fit its kernel.
    """
    return cast(_Shiftable, generator).render(codes, shifts=shifts)


def kernel_of(generator: Generator, layer: str, wanted_by: str) -> Tensor:
    """The kernel of a layer.

    Raises:
        UserError: the generator gives no access to kernels, or has no such layer.
    """
    generator.require(Space.PARAMETERS, wanted_by)
    if layer not in generator.kernels:
        raise unknown_name("layer", layer, generator.kernels)
    return generator.kernels[layer].detach()


@dataclass(frozen=True, eq=False, kw_only=True)
class WeightShiftEdit(Edit):
    """A step along a direction of one kernel (NaviGAN, Cherepkov et al. 2021, Sec. 3.1).

    The strength is the magnitude t: the kernel becomes ``W + t * shift``, as it is stored, so
    before the equalised learning rate, the modulation and the demodulation.

    Attributes:
        layer: name of the kernel.
        shift: unit Frobenius norm, in the shape of the kernel.
    """

    layer: str
    shift: Tensor

    def render(
        self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
    ) -> Tensor:
        """Images with the kernel moved by ``strength * shift``, for every image its own."""
        kernel = kernel_of(generator, self.layer, f"The edit {self.name}")
        shift, strengths = self.shift.to(kernel), strengths.to(kernel)
        if len(strengths) == 1 or strengths.stride(0) == 0:  # one number, given for all images
            return render_shifted(generator, codes, {self.layer: strengths[0] * shift})
        return render_shifted(generator, codes, {self.layer: scaled(shift[None], strengths)})

    def spread(self, generator: Generator, codes: Codes) -> float:
        """The magnitude at which pixels change by :data:`NATURAL_CHANGE`, about.

        Magnitudes of equal effect differ by orders between layers and between methods (the paper
        goes to 3500 along singular vectors and to 80 along eigenvectors of the Hessian), so it is
        measured: at a small magnitude, and again where that points to.
        """
        few = codes[:PROBES]
        before = generator.render(few)
        norm = float(kernel_of(generator, self.layer, f"The edit {self.name}").norm())
        step = FIRST_PROBE * norm
        for _ in range(2):
            changed = self.apply(generator, few, step) - before
            moved = float(changed.square().mean().sqrt())
            step = min(step * NATURAL_CHANGE / moved, MOST * norm) if moved > 0 else MOST * norm
        return step


def scaled(shifts: Tensor, magnitudes: Tensor) -> Tensor:
    """Shifts ``[n, *kernel]`` (or one for all, ``[1, *kernel]``) times one magnitude each."""
    return magnitudes.reshape(-1, *[1] * (shifts.ndim - 1)) * shifts


def unit_norm(shifts: Tensor) -> Tensor:
    """Shifts ``[n, *kernel]``, none of them zero, of unit Frobenius norm."""
    lengths: Tensor = torch.linalg.vector_norm(shifts.flatten(1), dim=1)
    return scaled(shifts, 1 / lengths)


def edits_of(
    shifts: Tensor, layer: str, method: str, generator: Generator
) -> tuple[WeightShiftEdit, ...]:
    """One edit for each of ``[k, *kernel]``."""
    found: dict[str, Any] = {
        "generator": generator.name,
        "fingerprint": generator.fingerprint,
        "layer": layer,
    }
    return tuple(
        WeightShiftEdit(name=f"{method}/{layer}/{index}", shift=shift, **found)
        for index, shift in enumerate(shifts)
    )
