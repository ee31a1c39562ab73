"""Pictures of the embedded domain to invert: renders that no network has been trained on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from pipeline.datasets.procfaces import render, sample_factors
from pipeline.errors import UserError
from pipeline.inversion.detection import YuNet
from pipeline.inversion.images import to_bytes
from pipeline.inversion.photographs import FindFaces, Inversion, Photographs
from pipeline.inversion.projector import ProjectionSettings

FRAME = "procfaces"


@dataclass(frozen=True)
class HeldOutFaces(Inversion):
    """``codes=held_out``: see ``conf/codes/held_out.yaml``.

    Attributes:
        count: pictures.
        faces_seed: of the factors that they are drawn from; the networks were trained on 0.
        images: what records say of them.

    Raises:
        UserError: a value that cannot be used.
    """

    count: int = 16
    faces_seed: int = 4242
    images: str | None = "rendered when asked for"

    def __post_init__(self) -> None:
        ProjectionSettings.__post_init__(self)
        if self.count < 1 or self.batch < 1:
            raise UserError(
                f"codes.count={self.count} codes.batch={self.batch}: must be at least 1."
            )

    def photographs(
        self, frame: str, size: int, find: Callable[[], FindFaces] = YuNet
    ) -> Photographs:
        """The renders; nothing has to be found in them.

        Raises:
            UserError: the generator makes other pictures.
        """
        if frame != FRAME:
            raise UserError(
                "codes=held_out draws faces of the embedded domain; for other generators take "
                "codes=inversion codes.images=PATH."
            )
        factors = sample_factors(self.count, torch.Generator().manual_seed(self.faces_seed))
        files = [Path(f"face_{number}") for number in range(self.count)]
        return Photographs(files, to_bytes(render(factors, size).images), aligned=False)
