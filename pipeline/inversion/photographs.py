"""The pictures that a run inverts, as its configuration asks for them."""

import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pipeline.datasets.images import Resizing, as_tensor
from pipeline.domains.base import Domain
from pipeline.domains.judges import Judges
from pipeline.errors import UserError, unknown_name
from pipeline.evaluators.base import PerceptualDistance
from pipeline.generators.base import Generator, Space
from pipeline.inversion.alignment import align
from pipeline.inversion.detection import Face, YuNet, one_face
from pipeline.inversion.files import image_files
from pipeline.inversion.images import read_image, require_square, to_bytes, to_float
from pipeline.inversion.projector import ProjectionSettings
from pipeline.methods.base import Method

FRAME = "ffhq"
ALIGNMENTS = ("auto", FRAME, "none")
FindFaces = Callable[[Tensor], list[Face]]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Inversion(ProjectionSettings):
    """``codes=inversion``: see ``conf/codes/inversion.yaml``.

    Attributes:
        images: a file or a folder.
        align: ``ffhq`` cuts faces out as FFHQ does, ``none`` takes pictures as they are, ``auto``
            is the first for generators of that frame.
        batch: pictures projected together.

    Raises:
        UserError: a value that cannot be used.
    """

    images: str | None = None
    align: str = "auto"
    batch: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.align not in ALIGNMENTS:
            raise unknown_name("codes.align", self.align, ALIGNMENTS)
        if self.batch < 1:
            raise UserError(f"codes.batch={self.batch}: must be a whole number of at least 1.")

        image_files(self.images)

    def plan(self, generator: Generator, method: Method, domain: Domain, judges: Judges) -> "Plan":
        """The pictures at hand, and everything that finds their codes.

        Raises:
            UserError: the generator or the method does not go with inverted codes, or a picture
                cannot be used.
        """
        self.check(generator, method)
        distance = judges.distance or domain.judges("none", "none", "auto").distance
        return Plan(self, self.photographs(domain.frame, generator.resolution), distance)

    def check(self, generator: Generator, method: Method) -> None:
        """Refuse a generator or a method that inverted codes do not go with.

        Raises:
            UserError: says which, and what would do.
        """
        generator.require(Space.W_PLUS, "codes=inversion")
        if getattr(method, "space", None) == Space.Z:
            raise UserError(
                f"codes=inversion finds w+ codes, which have no z: method={method.name} cannot "
                "edit them with method.space=z; take w, w+ or s."
            )

    def photographs(
        self, frame: str, size: int, find: Callable[[], FindFaces] = YuNet
    ) -> "Photographs":
        """The pictures as the generator would draw them.

        Args:
            frame: how its pictures are framed, see :class:`pipeline.domains.base.Domain`.
            size: height and width of its images.
            find: makes what finds faces, where there are any to find.

        Raises:
            UserError: a picture cannot be read or does not fit; a face is missing, or one of many.
        """
        files = image_files(self.images)
        aligned = self.align == FRAME or (self.align == "auto" and frame == FRAME)
        if aligned:
            finder = find()
            pictures = [_aligned(file, size, finder) for file in files]
        else:
            pictures = [_as_is(file, size, frame) for file in files]
        return Photographs(files, torch.stack(pictures), aligned)


@dataclass(frozen=True, eq=False)
class Photographs:
    """Pictures at the generator's resolution.

    Attributes:
        files: where they came from.
        pixels: uint8 ``[n, 3, H, W]``, RGB.
        aligned: whether faces were found and cut out.
    """

    files: Sequence[Path]
    pixels: Tensor
    aligned: bool

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, part: slice) -> "Photographs":
        return Photographs(self.files[part], self.pixels[part], self.aligned)

    @property
    def names(self) -> list[str]:
        """Names of the files, without their folder."""
        return [file.name for file in self.files]

    @property
    def images(self) -> Tensor:
        """Float32 ``[n, 3, H, W]`` in [-1, 1]."""
        return to_float(self.pixels)

    def hashes(self) -> list[str]:
        """What each shows, as 64 hex digits."""
        flat = self.pixels.contiguous()
        return [hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in flat]


@dataclass(frozen=True, eq=False)
class Plan:
    """What an inversion works with.

    Attributes:
        how: the settings.
        photographs: the pictures.
        distance: the perceptual distance that the projection follows; None where there is none.
    """

    how: Inversion
    photographs: Photographs
    distance: PerceptualDistance | None


def _aligned(file: Path, size: int, find: FindFaces) -> Tensor:
    pixels = as_tensor(read_image(file))
    faces = find(pixels)
    face = one_face(faces, file)
    if len(faces) > 1:
        log.info("%s: the largest of %d faces is taken", file.name, len(faces))
    return to_bytes(align(to_float(pixels), face.landmarks, size))


def _as_is(file: Path, size: int, frame: str) -> Tensor:
    image = read_image(file)
    require_square(file, image, frame)
    return as_tensor(Resizing(size).apply(image))
