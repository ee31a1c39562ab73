"""Faces and their five landmarks in photographs: YuNet (Wu et al. 2023), from an ONNX file.

The network (OpenCV model zoo, MIT licence, 0.2 MB) sees 640 x 640 pixels and knows faces of about
10 to 300 of them, so that every picture is shown to it at two scales.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import interpolate, pad

from pipeline.errors import UserError

SIDE, SCALES, STRIDES = 640, (640, 320), (8, 16, 32)
CERTAIN, OVERLAP = 0.7, 0.3
BYSTANDER = 0.5  # faces below this share of the largest one's height are not what a picture is of
EXTRA = "uv sync --extra photographs"


@dataclass(frozen=True, eq=False)
class Face:
    """A face in a picture.

    Attributes:
        score: how certain the detector is, in [0, 1].
        box: left, top, right and bottom in pixels, ``[4]``.
        landmarks: ``[5, 2]``, (column, row) in pixels with pixel centres at whole numbers: eyes,
            nose, corners of the mouth, each pair left to right on the picture.
    """

    score: float
    box: Tensor
    landmarks: Tensor

    @property
    def height(self) -> float:
        """Of its box, in pixels."""
        return float(self.box[3] - self.box[1])


class YuNet:
    """Finds the faces in a picture.

    Args:
        path: the ONNX file; None for the registered one in the weights folder.

    Raises:
        UserError: onnxruntime is not installed, or the file is absent or another one.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._session = _session(path)

    def __call__(self, image: Tensor) -> list[Face]:
        """Faces of a picture uint8 ``[3, H, W]``, RGB, the most certain first."""
        found: list[Face] = []
        for longest in SCALES:
            scale = longest / max(image.shape[-2:])
            outputs = self._seen(letterboxed(image, scale))
            found += [face for stride in STRIDES for face in decoded(outputs, stride, scale)]
        return distinct(found)

    def _seen(self, image: Tensor) -> dict[str, Tensor]:
        """What the network says of one letterboxed picture, by the names of its outputs."""
        given = self._session.get_inputs()[0].name
        arrays = self._session.run(None, {given: image.numpy()})
        names = [output.name for output in self._session.get_outputs()]
        return {n: torch.from_numpy(a)[0] for n, a in zip(names, arrays, strict=True)}


def one_face(faces: Sequence[Face], file: Path) -> Face:
    """The face that a picture is of.

    Raises:
        UserError: it has none, or several of about the same size.
    """
    if not faces:
        raise UserError(
            f"codes.images: no face was found in '{file}': take it out of the folder, or give a "
            "picture that is aligned already, with codes.align=none."
        )
    largest = max(faces, key=lambda face: face.height)
    rivals = [face for face in faces if face.height > BYSTANDER * largest.height]
    if len(rivals) > 1:
        raise UserError(
            f"codes.images: {len(rivals)} faces of about the same size were found in '{file}': cut "
            "the picture so that one of them is left."
        )
    return largest


def letterboxed(image: Tensor, scale: float) -> Tensor:
    """What the network sees: BGR in 0..255, float32 ``[1, 3, 640, 640]``, black to the right.

    Args:
        image: uint8 ``[3, H, W]``, RGB.
        scale: pixels seen per pixel of the picture.
    """
    shape = [max(1, round(side * scale)) for side in image.shape[-2:]]
    small = interpolate(image.flip(0)[None].float(), shape, mode="bilinear", antialias=True)
    return pad(small, (0, SIDE - shape[1], 0, SIDE - shape[0]))


def decoded(outputs: Mapping[str, Tensor], stride: int, scale: float) -> list[Face]:
    """The certain faces among a grid of candidates, one per cell of ``stride`` pixels.

    Args:
        outputs: by name and stride, cells row by row: ``cls`` and ``obj`` ``[cells, 1]``, whose
            geometric mean is the score; ``bbox`` ``[cells, 4]``, the centre, from the cell's
            corner, and the logarithm of width and height; ``kps`` ``[cells, 10]``, landmarks from
            the cell's corner. All are in units of a cell.
        stride: pixels of a cell.
        scale: pixels seen per pixel of the picture.
    """
    cells = torch.arange(SIDE // stride)
    corners = torch.cartesian_prod(cells, cells).flip(1).double()  # (column, row), row by row
    likely = outputs[f"cls_{stride}"].clamp(0, 1) * outputs[f"obj_{stride}"].clamp(0, 1)
    scores = likely.double().sqrt().flatten()
    boxes = outputs[f"bbox_{stride}"].double()
    points = outputs[f"kps_{stride}"].double().reshape(-1, 5, 2)
    per_cell, faces = stride / scale, []
    for i in torch.nonzero(scores > CERTAIN).flatten().tolist():
        centre, half = corners[i] + boxes[i, :2], boxes[i, 2:].exp() / 2
        box = torch.cat([centre - half, centre + half]) * per_cell
        landmarks = (corners[i] + points[i]) * per_cell - 0.5
        faces.append(Face(float(scores[i]), box, landmarks))
    return faces


def distinct(faces: Sequence[Face]) -> list[Face]:
    """The most certain of all faces that overlap, by falling score."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda f: -f.score):
        if all(_overlap(face.box, other.box) <= OVERLAP for other in kept):
            kept.append(face)
    return kept


def _overlap(a: Tensor, b: Tensor) -> float:
    """Intersection over union of two boxes."""
    extent = (torch.minimum(a[2:], b[2:]) - torch.maximum(a[:2], b[:2])).clamp_min(0)
    areas = [(box[2:] - box[:2]).prod() for box in (a, b)]
    return float(extent.prod() / (areas[0] + areas[1] - extent.prod()))


def _session(path: Path | None) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(
            "codes.align=ffhq finds faces with onnxruntime, which is not installed: type "
            f"'{EXTRA}', or give pictures that are aligned already, with codes.align=none."
        ) from error
    from pipeline.weights.cache import require

    file = path or require("yunet")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has an exception for each kind of broken file
        raise UserError(f"{file} cannot be read as an ONNX file ({error}).") from error
