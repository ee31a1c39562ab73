"""The small conditional generators of the embedded domain, as configurations name them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.datasets.rendered_maps import RenderedMaps
from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Generator
from pipeline.generators.checkpoints.own import load_own
from pipeline.generators.class_conditional import ClassConditional
from pipeline.generators.label_folder import LabelFolder
from pipeline.generators.official import with_classes
from pipeline.generators.pix2pixhd import Pix2PixHD
from pipeline.generators.weights import read_generator


def load_biggan(
    path: str,
    name: str,
    truncation: float | None = None,
    classes: int | str | Sequence[int | str] | None = None,
) -> ClassConditional:
    """A class-conditional generator of the project's own file, ready for evaluation.

    Args:
        path: the file, or the name of one of the shipped assets.
        name: the name the generator goes by.
        truncation: factor in (0, 1] on a normal kept to [-2, 2], of which z is sampled; None is
            the normal of training.
        classes: the class or classes that codes are sampled of, by name or number; None is all.

    Raises:
        UserError: the file is missing, damaged or of another kind, or a setting does not fit.
    """
    generator = _named(path, name)
    names = read_generator(path, name).provenance.get("classes", [])
    return with_classes(generator, truncation, _numbers(classes, names))


def load_pix2pixhd(
    path: str, name: str, label_maps: str | None = None, maps: int = 10_000, maps_seed: int = 11
) -> Pix2PixHD:
    """A painter of label maps of the project's own file, ready for evaluation.

    Args:
        path: the file, or the name of one of the shipped assets.
        name: the name the generator goes by.
        label_maps: a folder of label maps; None has the renderer draw them.
        maps: how many it draws.
        maps_seed: of the faces that it draws.

    Raises:
        UserError: the file is missing, damaged or of another kind, or the folder has no maps.
    """
    generator = _named(path, name)
    if not isinstance(generator, Pix2PixHD):
        raise UserError(f"generator={name}: '{path}' holds a {type(generator).__name__}.")
    size = generator.resolution
    drawn = RenderedMaps(maps, maps_seed, size) if label_maps is None else None
    generator.label_maps = drawn or LabelFolder(str(label_maps), size)
    return generator


def _named(path: str, name: str) -> Generator:
    read_generator(path, name)  # names the generator where it refuses the file
    generator = load_own(Path(path))
    generator.name = name
    return generator


def _numbers(classes: Any, names: Sequence[str]) -> Any:
    """Classes with numbers in place of names."""
    if isinstance(classes, str):
        if classes not in names:
            raise unknown_name("class", classes, names)
        return names.index(classes)
    if isinstance(classes, Sequence):
        return [_numbers(c, names) for c in classes]
    return classes
