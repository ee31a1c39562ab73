"""NaviGAN's baseline: single singular values of a flattened kernel (Sec. 4.2; Robb et al. 2020)."""

from dataclasses import dataclass

import torch

from pipeline.generators.base import Codes, Generator
from pipeline.methods.gram import Progress
from pipeline.methods.kernel_basis import SingularBasis
from pipeline.methods.navigan import NaviGAN, Shifts, at_least
from pipeline.methods.weight_shift import kernel_of


@dataclass
class NaviGANSVD(NaviGAN):
    """Each direction is u_i v_i' of the kernel's singular value decomposition.

    Args:
        layer: name of the convolution.
        num_directions: how many to keep, the greatest singular values first.
    """

    layer: str
    num_directions: int = 8
    name: str = "navigan_svd"

    def __post_init__(self) -> None:
        at_least(self, 1, "num_directions")

    def find(
        self, generator: Generator, codes: Codes, seed: int, progress: Progress | None
    ) -> Shifts:
        """Nothing is random, and no image is looked at."""
        kernel = kernel_of(generator, self.layer, f"method={self.name}")
        basis = SingularBasis.of(kernel)
        chosen = torch.eye(len(basis)).to(kernel)[: self.num_directions]
        if progress is not None:
            progress(1, 1)
        return Shifts(basis.shifts(chosen), {"singular_values": basis.values})
