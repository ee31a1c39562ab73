"""Label maps in a folder of images, read when they are asked for."""

import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from pipeline.disk import reason
from pipeline.errors import UserError
from pipeline.generators.label_maps import LabelMaps

SUFFIXES = (".png", ".bmp", ".tif", ".tiff")  # formats that keep every number
NUMBERED = ("L", "P", "I", "I;16", "I;16B", "1")
MARKS = {"label": ("_labelIds", "_label"), "inst": ("_instanceIds", "_inst")}
"""How the names of label and of instance maps end; or the name of their folder, with the key."""


class LabelFolder:
    """Label maps, and instance maps where there are any, in one of three layouts.

    - pix2pixHD: folders ``test_label`` and ``test_inst`` side by side, files of the same names;
    - Cityscapes: ``NAME_labelIds.png`` and ``NAME_instanceIds.png``, in any folder;
    - otherwise every image is a label map, and there are no instance maps.

    Pixels hold the number of a class or of an object. Maps are brought to one height, that of the
    generator's images, by picking the nearest pixel, and to the width that goes with it.

    Args:
        path: the folder; its subfolders belong to it.
        height: of the maps.

    Raises:
        UserError: there are no maps in it, or a label map without its instance map.
    """

    def __init__(self, path: str | Path, height: int) -> None:
        self.path, self.height = Path(path), height
        if not self.path.is_dir():
            raise UserError(f"generator.label_maps={path} is no folder.")
        files = sorted(f for f in self.path.rglob("*") if f.suffix.lower() in SUFFIXES)
        labels = {_key(f, "label"): f for f in files if _is(f, "label")}
        instances = {_key(f, "inst"): f for f in files if _is(f, "inst")} if labels else {}
        self.labels = list(labels.values()) if labels else files
        if not self.labels:
            raise UserError(
                f"generator.label_maps={path} holds no label maps: they are images that end in "
                f"{', '.join(SUFFIXES)}."
            )
        lonely = [file for key, file in labels.items() if key not in instances]
        if instances and lonely:
            raise UserError(
                f"generator.label_maps={path}: '{lonely[0].relative_to(self.path)}' has no "
                "instance map, as others have; add it, or take all of them out."
            )
        self.instances = [instances[key] for key in labels] if instances else []

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: Tensor) -> LabelMaps:
        """The maps of some numbers, int64 ``[n]``.

        Raises:
            UserError: one cannot be read, or they differ in size.
        """
        chosen = index.tolist()
        classes = self._stacked([self.labels[i] for i in chosen])
        if not self.instances:
            return LabelMaps(classes)
        return LabelMaps(classes, self._stacked([self.instances[i] for i in chosen]))

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the files and of the height, 16 hex digits."""
        whole = hashlib.sha256(str(self.height).encode())
        for file in (*self.labels, *self.instances):
            content = hashlib.sha256(file.read_bytes()).hexdigest()
            whole.update(f"\n{file.relative_to(self.path)} {content}".encode())
        return whole.hexdigest()[:16]

    def _stacked(self, files: list[Path]) -> Tensor:
        """The maps of files, int32 ``[n, h, w]``."""
        maps = [self._read(file) for file in files]
        for file, one in zip(files, maps, strict=True):
            if one.shape != maps[0].shape:
                raise UserError(
                    f"generator.label_maps={self.path}: '{file.relative_to(self.path)}' comes to "
                    f"{one.shape[0]} x {one.shape[1]} pixels and '{files[0].name}' to "
                    f"{maps[0].shape[0]} x {maps[0].shape[1]}: give maps of one shape."
                )
        return torch.stack(maps)

    def _read(self, file: Path) -> Tensor:
        try:
            with Image.open(file) as image:
                if image.mode not in NUMBERED:
                    raise ValueError(f"it holds colours ({image.mode}), not numbers of classes")
                width = max(1, round(image.width * self.height / image.height))
                sized = image.resize((width, self.height), Image.Resampling.NEAREST)
                return torch.from_numpy(np.array(sized).astype(np.int32))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise UserError(
                f"generator.label_maps={self.path}: '{file.relative_to(self.path)}' cannot be "
                f"read ({reason(error)})."
            ) from error


def _is(file: Path, kind: str) -> bool:
    """Whether a file is a map of a kind, by its own name or its folder's."""
    return file.stem.endswith(MARKS[kind]) or file.parent.name.endswith(kind)


def _key(file: Path, kind: str) -> tuple[Path, str]:
    """What a label map and its instance map have in common."""
    folder, stem = file.parent, file.stem
    if folder.name.endswith(kind):
        folder = folder.with_name(folder.name.removesuffix(kind) + "*")
    mark = next((mark for mark in MARKS[kind] if stem.endswith(mark)), "")
    return folder, stem.removesuffix(mark)
