"""Feature blending: activations of the region copied from the reference (Collins et al. 2020)."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator
from pipeline.generators.pggan import PGGAN
from pipeline.generators.stylegan import StyleGAN
from pipeline.generators.stylegan2 import StyleGAN2
from pipeline.methods.blending import Blending, BlendingEdit
from pipeline.regions.region import Region


@dataclass(frozen=True, eq=False, kw_only=True)
class FeatureBlendingEdit(BlendingEdit):
    """The outputs of all layers up to a resolution are the reference's inside the region.

    Those of the to-RGB layers are among them. A layer sees the mask averaged over each of its own
    pixels, so that borders are as soft as the layer is coarse. What follows runs with the target's
    styles.

    Attributes:
        up_to: the greatest resolution of the layers that are copied; 32 or 64 in the paper.
    """

    up_to: int = 32

    def render(
        self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
    ) -> Tensor:
        """The target's images, with the reference's features within its region."""
        reference = self.reference_of(reference, len(codes))
        mask = self.masks(generator, codes).expand(len(codes), -1, -1)[:, None]
        share = strengths[:, None, None, None]
        taken: dict[str, Tensor] = {}

        def take(name: str, x: Tensor) -> Tensor:
            if x.shape[-1] <= self.up_to:
                taken[name] = x
            return x

        def put(name: str, x: Tensor) -> Tensor:
            if name not in taken:
                return x
            inside = adaptive_avg_pool2d(mask, x.shape[-1]).to(x.dtype)
            return x + share * inside * (taken.pop(name) - x)

        _render(generator, reference, take)
        return _render(generator, codes, put)


@dataclass
class FeatureBlending(Blending):
    """Copies features of the region in all layers up to a resolution; see :class:`Blending`.

    Args:
        up_to: that resolution.
    """

    up_to: int = 32
    name: str = "feature_blending"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.up_to < 4:
            raise UserError(
                f"method.up_to={self.up_to}: the layers of least resolution have 4 pixels; the "
                "paper takes 32 and 64."
            )

    def check(self, generator: Generator, region: Region) -> None:
        """Refuse a generator whose layers do not lie under the pixels of its images."""
        if not isinstance(generator, StyleGAN2 | StyleGAN | PGGAN):
            raise UserError(
                f"method={self.name} copies features of layers that lie under the image's pixels, "
                f"which generator={generator.name} does not have: use a StyleGAN, a StyleGAN2 or "
                "a PGGAN."
            )
        super().check(generator, region)

    def edit(self, **place: Any) -> BlendingEdit:
        """See :meth:`Blending.edit`."""
        return FeatureBlendingEdit(**place, up_to=self.up_to)


def _render(generator: Generator, codes: Codes, hook: object) -> Tensor:
    images: Tensor = generator.render(codes, hook=hook)  # type: ignore[call-arg]
    return images
