"""Pictures that little is known of but a reference set: photographs, paintings, bedrooms, ..."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from pipeline.datasets.celeba import ATTRIBUTE_PARTS
from pipeline.datasets.folder import ImageFolder
from pipeline.datasets.images import Resizing, batches
from pipeline.datasets.lmdb_images import ImageLmdb
from pipeline.datasets.source import ImageSource, required_path
from pipeline.datasets.zipped import ImageZip
from pipeline.domains.base import Domain, NoPredictor, Predictor
from pipeline.domains.faces import attributes_of
from pipeline.domains.judges import (
    Candidates,
    Judge,
    Judges,
    inception,
    missing,
    missing_recogniser,
    perceptual,
    recogniser,
)
from pipeline.errors import UserError, unknown_name
from pipeline.evaluators.base import FeatureExtractor, IdentityEmbedder, PerceptualDistance
from pipeline.evaluators.celeba import CelebaAttributes, check_size, require_attribute
from pipeline.generators.base import Generator

ALIGNED = "ffhq"  # the one frame in which a recogniser knows where a face is
KINDS: dict[str, Callable[[Path], ImageSource]] = {
    "folder": ImageFolder,
    "zip": ImageZip,
    "lmdb": ImageLmdb,
}


@dataclass(frozen=True)
class Photos(Domain):
    """Real pictures: official networks judge them, or none; no part is known.

    Attributes:
        images: the reference set; None where there is none, and so no Fréchet distance either.
        frame: how they are framed: ``ffhq`` for faces aligned as FFHQ's, or any other name.
        size: what reference images are resized to; None is the generator's resolution.
        filter: how, see :class:`Resizing`.
        most: how many of them to take, drawn by the seed; None takes all.
        reference_seed: of that draw.
        attributes: reads those of aligned faces; None where the pictures are no such faces.
    """

    images: ImageSource | None = None
    frame: str = "none"
    size: int | None = None
    filter: str = "lanczos"
    most: int | None = None
    reference_seed: int = 0
    attributes: CelebaAttributes | None = None
    name = "photos"
    attribute_parts = ATTRIBUTE_PARTS

    def __post_init__(self) -> None:
        self.resizing(1 if self.size is None else self.size)
        there = 0 if self.images is None else len(self.images)
        if self.most is not None and not (isinstance(self.most, int) and 2 <= self.most <= there):
            raise UserError(
                f"dataset.reference_samples={self.most}: the dataset has {there} images; give a "
                f"number from 2 to {there}, or null for all."
            )

    def resizing(self, size: int) -> Resizing:
        """How its images come to a size."""
        return Resizing(size, self.filter)

    @cached_property
    def names(self) -> list[str]:
        """Names of the reference images."""
        if self.images is None:
            return []
        if self.most is None:
            return list(self.images.names)
        random = torch.Generator().manual_seed(self.reference_seed)
        drawn = torch.randperm(len(self.images), generator=random)[: self.most].sort().values
        return [self.images.names[i] for i in drawn.tolist()]

    @property
    def reference_samples(self) -> int:  # type: ignore[override]
        """How many reference images there are."""
        return len(self.names)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the reference images' names and contents, and of how they are resized."""
        content = "" if self.images is None else self.images.fingerprint(self.names)
        return hashlib.sha256(f"{content} {self._sized}".encode()).hexdigest()[:16]

    @property
    def reference(self) -> str:
        """Number, place and resizing of the reference images."""
        if self.images is None:
            return "none"
        return f"{len(self.names)} images of {self.images.path}, {self._sized}"

    @property
    def _sized(self) -> str:
        return "as they are" if self.size is None else str(self.resizing(self.size))

    def reference_images(self) -> Iterator[Tensor]:
        """Batches of the reference images ``[n, 3, size, size]``."""
        if self.images is not None:
            yield from batches(self.images, self.names, self.resizing(self.size or 1))

    def suited(self, generator: Generator, makes: str | None) -> Self:
        """The domain with its images at the size of the generator's, unless a size was given.

        Raises:
            UserError: attributes are to be read off images of another size than they can be.
        """
        if self.predictor.names:
            check_size(generator.resolution, f"generator={generator.name}")
        return replace(self, size=generator.resolution) if self.size is None else self

    def judges(self, fid: str, id: str, lpips: str) -> Judges:  # noqa: A002
        """Official networks that are here and know such pictures; stand-ins never."""
        notes: dict[str, str] = {}
        features: Candidates[FeatureExtractor] = _official(
            "fid", "inception", inception, self._no_reference, missing("inception_fid")
        )
        identity: Candidates[IdentityEmbedder] = _official(
            "id", "recognition", recogniser, self._not_aligned, missing_recogniser()
        )
        distance: Candidates[PerceptualDistance] = _official(
            "lpips", "official", perceptual, None, missing("alexnet")
        )
        return Judges(
            features.choose(fid, notes, self.reference),
            identity.choose(id, notes),
            distance.choose(lpips, notes),
            notes,
        )

    @property
    def predictor(self) -> Predictor:
        """Reads the attributes of aligned faces, where the weights for it are here."""
        return NoPredictor() if self.attributes is None else self.attributes

    def check_attribute(self, name: str) -> None:
        """Refuse an attribute that nobody reads.

        Raises:
            UserError: names those that could be; or the missing file, its address and its place.
        """
        if self.attributes is not None:
            require_attribute(name)
            if name not in self.attributes.names:
                chosen = ",".join(self.attributes.names)
                raise UserError(
                    f"attribute={name} is none of dataset.attributes=[{chosen}]: add it there."
                )
        super().check_attribute(name)

    @property
    def _no_reference(self) -> str | None:
        if self.images is None:
            return "there are no reference images: add dataset=folder dataset.path=FOLDER"
        return None

    @property
    def _not_aligned(self) -> str | None:
        if self.frame != ALIGNED:
            return (
                f"a recogniser needs faces aligned as FFHQ's, and these pictures are framed as "
                f"'{self.frame}': add dataset.frame={ALIGNED} if they are"
            )
        return None

    def facts(self) -> dict[str, Any]:
        """What a record says of it."""
        labeller = {"labeller": self.predictor.name} if self.predictor.names else {}
        return super().facts() | {"images": self.reference_samples} | labeller


def open_photos(
    kind: str,
    path: str | Path | None,
    size: int | None = None,
    frame: str | None = None,
    filter: str = "lanczos",  # noqa: A002
    reference_samples: int | None = None,
    reference_seed: int = 0,
    attributes: Sequence[str] | None = None,
) -> Photos:
    """The pictures of a folder, a zip file or an LMDB database.

    Args:
        kind: one of :data:`KINDS`.
        path: where they lie.
        size: see :class:`Photos`.
        frame: as there; None is no frame that is known.
        filter: as there.
        reference_samples: how many of the images to take; None takes all.
        reference_seed: of which ones.
        attributes: those to read off aligned faces; None takes all whose weights are here.

    Raises:
        UserError: the path is missing or holds no images, or an option is out of range; or the
            weights of an attribute are missing.
    """
    if kind not in KINDS:
        raise unknown_name("dataset.kind", kind, KINDS)
    images = KINDS[kind](required_path(path, kind))
    return Photos(
        images,
        frame or "none",
        size,
        filter,
        reference_samples,
        reference_seed,
        attributes_of(frame, attributes),
    )


def _official(
    metric: str,
    name: str,
    make: Callable[[], Judge],
    impossible: str | None,
    absent: str | None,
) -> Candidates[Judge]:
    """The official network alone; where it cannot judge such pictures, not even if asked for."""

    def refuse() -> Judge:
        raise UserError(f"metric.{metric}={name}: {impossible}.")

    return Candidates(metric, name, refuse if impossible else make, impossible or absent)
