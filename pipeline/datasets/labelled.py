"""Images with the class of every pixel, prepared once and kept as memory-mapped arrays."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipeline.datasets import celebamask
from pipeline.datasets.procfaces.dataset import from_uint8
from pipeline.errors import UserError
from pipeline.records import write_json

LABELLED = "labelled.json"
IMAGES, LABELS = "images.npy", "labels.npy"
SUFFIXES = (".jpg", ".jpeg", ".png")
EVERY = 64  # pairs from one note of the progress to the next

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Labelling:
    """What the content of a prepared folder follows from.

    Attributes:
        source: the folder that was read.
        size: height and width.
        count: how many pairs.
        classes: names; the index is the label.
        transparent: names of the classes that others are seen through.
    """

    source: str
    size: int
    count: int
    classes: tuple[str, ...]
    transparent: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """An image and where its parts are: one merged map, or one mask file per part."""

    image: Path
    merged: Path | None
    masks: tuple[tuple[str, Path], ...] = ()


def celebamask_pairs(folder: Path) -> list[Pair]:
    """The pairs of a CelebAMask-HQ folder, in the order of the data set.

    Either as its authors pack it (``CelebA-HQ-img/0.jpg``, and below
    ``CelebAMask-HQ-mask-anno`` ``00000_skin.png`` and so on), or ``images/NAME.jpg`` beside
    ``masks/NAME.png`` with merged ids.

    Raises:
        UserError: it is neither.
    """
    packed = folder / "CelebAMask-HQ-mask-anno"
    if packed.is_dir():
        pairs = list(_packed(folder / "CelebA-HQ-img", packed))
    else:
        found = sorted(p for p in (folder / "images").glob("*") if p.suffix.lower() in SUFFIXES)
        merged = [folder / "masks" / f"{p.stem}.png" for p in found]
        pairs = [Pair(p, m) for p, m in zip(found, merged, strict=True) if m.exists()]
    if not pairs:
        raise UserError(
            f"'{folder}' is no CelebAMask-HQ: it has neither CelebA-HQ-img/ with "
            "CelebAMask-HQ-mask-anno/, nor images/ with masks/ of the same names."
        )
    return pairs


def _packed(images: Path, masks: Path) -> Iterator[Pair]:
    by_image: dict[int, list[tuple[str, Path]]] = {}
    for path in masks.rglob("*.png"):
        prefix, _, part = path.stem.partition("_")
        by_image.setdefault(int(prefix), []).append((part, path))
    for number in sorted(by_image):
        image = images / f"{number}.jpg"
        if image.exists():
            yield Pair(image, None, tuple(sorted(by_image[number])))


def prepare(
    source: Path, out: Path, size: int, count: int | None = None, report: Report | None = None
) -> Labelling:
    """Make a folder of arrays of CelebAMask-HQ: left and right merged, parts painted over another.

    Images are scaled with an antialiasing filter, labels by the nearest pixel. Interrupted, it goes
    on where it was.

    Args:
        source: see :func:`celebamask_pairs`.
        out: for ``images.npy`` uint8 ``[n, S, S, 3]`` and ``labels.npy`` uint8 ``[n, S, S]``.
        size: height and width.
        count: only the first so many; None is the data set's own training part.
        report: called with (pairs done, pairs asked for) now and then.

    Raises:
        UserError: the source is no CelebAMask-HQ or a file of it cannot be read, or the folder
            holds other content.
    """
    pairs = celebamask_pairs(source)[: celebamask.TRAINING if count is None else count]
    about = (celebamask.CLASSES, celebamask.TRANSPARENT)
    labelling = Labelling(str(source), size, len(pairs), *about)
    done = _begun(out, labelling)
    images, labels = _arrays(out, "r+")
    for i in range(done, len(pairs)):
        images[i], labels[i] = _read(pairs[i], size)
        if (i + 1) % EVERY == 0 or i + 1 == len(pairs):
            images.flush()
            labels.flush()
            write_json(out / LABELLED, {"labelling": asdict(labelling), "done": i + 1})
            if report is not None:
                report(i + 1, len(pairs))
    return labelling


def _read(pair: Pair, size: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        picture = Image.open(BytesIO(pair.image.read_bytes())).convert("RGB")
        pixels = np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS))
        if pair.merged is not None:
            return pixels, celebamask.merge(_mask(pair.merged, size))
        masks = {part: _mask(path, size) for part, path in pair.masks}
        return pixels, celebamask.paint(masks, size)
    except (OSError, ValueError) as error:
        raise UserError(f"'{pair.image}' or its mask cannot be read ({error}).") from error


def _mask(path: Path, size: int) -> np.ndarray:
    stored = Image.open(path)
    mask = stored if stored.mode in ("L", "P") else stored.convert("L")
    return np.asarray(mask.resize((size, size), Image.Resampling.NEAREST))


def _begun(out: Path, labelling: Labelling) -> int:
    """Pairs already done in a folder; an empty folder gets empty arrays."""
    if (out / LABELLED).exists():
        found, done = _described(out)
        if found != labelling:
            raise UserError(f"'{out}' holds other content ({found}). Give another folder.")
        return done
    out.mkdir(parents=True, exist_ok=True)
    n, size = labelling.count, labelling.size
    for name, shape in ((IMAGES, (n, size, size, 3)), (LABELS, (n, size, size))):
        np.lib.format.open_memmap(out / name, "w+", np.uint8, shape)
    write_json(out / LABELLED, {"labelling": asdict(labelling), "done": 0})
    return 0


def _described(folder: Path) -> tuple[Labelling, int]:
    try:
        content = json.loads((folder / LABELLED).read_text("utf-8"))
        fields: dict[str, str | int | Sequence[str]] = content["labelling"]
        lists = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
        return Labelling(**lists), int(content["done"])  # type: ignore[arg-type]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"'{folder / LABELLED}' is missing or damaged; prepare it again."
        ) from error


def _arrays(folder: Path, mode: Literal["r", "r+"]) -> tuple[np.memmap, np.memmap]:
    try:
        images, labels = (np.load(folder / name, mmap_mode=mode) for name in (IMAGES, LABELS))
    except (OSError, ValueError) as error:
        raise UserError(f"The arrays in '{folder}' are missing or damaged.") from error
    return images, labels


class LabelledImages:
    """A finished folder of labelled images, read by index without loading the rest.

    Attributes:
        recipe: what the folder was prepared from.
    """

    def __init__(self, folder: str | Path) -> None:
        """Open a folder.

        Raises:
            UserError: the folder is missing or not finished.
        """
        self.recipe, done = _described(Path(folder))
        if done < self.recipe.count:
            raise UserError(
                f"'{folder}' is not finished ({done} of {self.recipe.count}): start its "
                "preparation again, which goes on."
            )
        self._images, self._labels = _arrays(Path(folder), "r")

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.recipe.classes

    @property
    def transparent(self) -> tuple[str, ...]:
        """Names of the classes that others are seen through."""
        return self.recipe.transparent

    def __len__(self) -> int:
        return self.recipe.count

    def images(self, index: Tensor) -> Tensor:
        """Images float32 ``[n, 3, S, S]`` in [-1, 1] of the numbers ``index`` (int64 ``[n]``)."""
        return from_uint8(self._images[index.numpy()])

    def labels(self, index: Tensor) -> Tensor:
        """Classes uint8 ``[n, S, S]``."""
        return torch.from_numpy(np.ascontiguousarray(self._labels[index.numpy()]))
