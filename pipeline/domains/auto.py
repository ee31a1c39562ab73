"""The domain that goes with a generator."""

from collections.abc import Sequence

from pipeline.domains.base import Domain
from pipeline.domains.faces import attributes_of
from pipeline.domains.photos import Photos
from pipeline.domains.procfaces import NAME, ProcFaces
from pipeline.errors import UserError


def of_frame(
    frame: str | None,
    reference_samples: int | None = None,
    reference_seed: int | None = None,
    attributes: Sequence[str] | None = None,
) -> Domain:
    """The embedded domain for generators of it; for all others pictures without a reference set.

    Args:
        frame: what the generator makes, as its configuration says; None where it does not.
        reference_samples: see :class:`ProcFaces`; None is its default.
        reference_seed: likewise.
        attributes: those to read off real faces; None takes all whose weights are here.

    Raises:
        UserError: reference images are asked for where there are none; or attributes of pictures
            that the classifiers do not know, or whose weights are missing.
    """
    given = {"reference_samples": reference_samples, "reference_seed": reference_seed}
    options = {key: value for key, value in given.items() if value is not None}
    if frame == NAME:
        attributes_of(frame, attributes)
        return ProcFaces(**options)
    if options:
        raise UserError(
            f"dataset.{next(iter(options))} counts on reference images, and none come with this "
            "generator: add dataset=folder dataset.path=FOLDER (or dataset=zip, dataset=lmdb)."
        )
    return Photos(frame=frame or "none", attributes=attributes_of(frame, attributes))
