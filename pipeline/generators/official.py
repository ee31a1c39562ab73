"""Generators as configurations name them: files of weights with what a run may set about them."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

from pipeline.errors import UserError
from pipeline.generators.base import Generator
from pipeline.generators.checkpoints.load import load_checkpoint
from pipeline.generators.class_conditional import ClassConditional
from pipeline.generators.style_based import check_truncation
from pipeline.weights.cache import require


def load_official(
    weights: str,
    name: str,
    truncation_psi: float = 1.0,
    truncation_cutoff: int | None = None,
    label_maps: str | None = None,
) -> Generator:
    """The generator of an official file, in float32, ready for evaluation.

    Args:
        weights: what the file is registered under (:mod:`pipeline.weights.generators`).
        name: the name the generator goes by.
        truncation_psi: pull of w towards its mean, where the architecture has one.
        truncation_cutoff: truncate only the first so many w+ layers; None truncates all.
        label_maps: the folder of maps that a pix2pixHD paints.

    Raises:
        UserError: the file is absent, another one or cannot be used, or a setting does not fit.
    """
    check_truncation(truncation_psi, truncation_cutoff)
    return load_checkpoint(require(weights), name, truncation_psi, truncation_cutoff, label_maps)


def load_class_conditional(
    weights: str,
    name: str,
    truncation: float | None = None,
    classes: int | Sequence[int] | None = None,
) -> Generator:
    """The BigGAN or BigGAN-deep of an official file, in float32, ready for evaluation.

    Args:
        weights: what the file is registered under (:mod:`pipeline.weights.generators`).
        name: the name the generator goes by.
        truncation: factor in (0, 1] on a normal kept to [-2, 2], of which z is sampled; None is
            the normal of training.
        classes: the class or classes that codes are sampled of; None is all.

    Raises:
        UserError: the file is absent, another one or cannot be used, or a setting does not fit.
    """
    return with_classes(load_checkpoint(require(weights), name), truncation, classes)


def load_any(
    checkpoint: str | None,
    name: str = "checkpoint",
    truncation_psi: float = 1.0,
    truncation_cutoff: int | None = None,
    truncation: float | None = None,
    classes: int | Sequence[int] | None = None,
    label_maps: str | None = None,
) -> Generator:
    """The generator of a file of any known form, in float32, ready for evaluation.

    Args:
        checkpoint: the file.
        name: the name the generator goes by.
        truncation_psi: see :func:`load_official`; likewise ``truncation_cutoff``.
        truncation_cutoff: for architectures with a mean w.
        truncation: see :func:`load_class_conditional`; likewise ``classes``.
        classes: for the BigGAN family.
        label_maps: the folder of maps that a pix2pixHD paints.

    Raises:
        UserError: the file cannot be used, or a setting does not fit the architecture.
    """
    check_truncation(truncation_psi, truncation_cutoff)
    generator = load_checkpoint(checkpoint, name, truncation_psi, truncation_cutoff, label_maps)
    if truncation is None and classes is None:
        return generator
    return with_classes(generator, truncation, classes)


def with_classes(
    generator: Generator, truncation: float | None, classes: int | Sequence[int] | None
) -> ClassConditional:
    """The same generator, sampled in this way.

    Raises:
        UserError: it is not of the BigGAN family, or a setting does not fit.
    """
    if not isinstance(generator, ClassConditional):
        raise UserError(
            f"generator={generator.name} is a {type(generator).__name__}: generator.truncation and "
            "generator.classes are for the BigGAN family; leave them null."
        )
    if truncation is not None and not _is_number(truncation):
        raise UserError(f"generator.truncation={truncation}: must be a number in (0, 1], or null.")
    generator.truncation = truncation
    generator.classes = _class_list(classes)
    return generator


def _class_list(classes: Any) -> list[int] | None:
    """One class, or a list of them, as a list."""
    if classes is None:
        return None
    listed = isinstance(classes, Sequence) and not isinstance(classes, str)
    given = list(classes) if listed else [classes]
    if not all(isinstance(c, int) and not isinstance(c, bool) for c in given):
        raise UserError(
            f"generator.classes={classes}: must be numbers of classes, e.g. [207,208], or null."
        )
    return given


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)
