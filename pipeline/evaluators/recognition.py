"""Face recognisers from ONNX files, for the identity score."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from pipeline.errors import UserError, unknown_name
from pipeline.evaluators.alignment import FFHQ_CROP, Aligner
from pipeline.evaluators.base import Identities
from pipeline.weights.cache import require
from pipeline.weights.registry import REGISTRY

# What the recogniser was trained to see: mean and standard deviation of RGB in [0, 1].
SCALINGS = {
    "arcface": ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


class OnnxRecogniser:
    """A face recogniser that was exported to ONNX (ArcFace, MobileFaceNet, ...).

    Its input is RGB faces ``[n, 3, 112, 112]`` in ArcFace's frame, its output vectors ``[n, d]``.

    Args:
        model: a registered name (``"arcface_r50"``, ``"mobilefacenet"``) or the path of a file.
        scaling: one of :data:`SCALINGS`.
        align: cuts faces out of the images; by default as for FFHQ-aligned images.

    Raises:
        UserError: onnxruntime is not installed, or the file or the scaling is unknown.
    """

    name = "id"

    def __init__(
        self, model: str | Path, scaling: str = "arcface", align: Aligner = FFHQ_CROP
    ) -> None:
        if scaling not in SCALINGS:
            raise unknown_name("scaling", scaling, SCALINGS)
        path = require(str(model)) if str(model) in REGISTRY else Path(model)
        self.source = str(path)
        self.align = align
        self._mean, self._std = (torch.tensor(x)[:, None, None] for x in SCALINGS[scaling])
        self._session = _session(path)
        given = self._session.get_inputs()[0]
        self._input = given.name
        self._one_by_one = given.shape[0] == 1  # some files were exported for single images

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Identities:
        """Identities of images ``[n, 3, H, W]`` in [-1, 1]."""
        faces, valid = self.align(images)
        inputs = ((faces.cpu().float() + 1) / 2 - self._mean) / self._std
        vectors = self._run(inputs.nan_to_num().numpy())
        valid = valid.cpu() & (vectors.norm(dim=1) > 0)
        return Identities(F.normalize(vectors).to(images.device), valid.to(images.device))

    def _run(self, inputs: Any) -> Tensor:
        parts = np.split(inputs, len(inputs)) if self._one_by_one and len(inputs) else [inputs]
        outputs = [self._session.run(None, {self._input: part})[0] for part in parts]
        return torch.from_numpy(np.concatenate(outputs)).flatten(1).float()


def _session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise UserError(
            "The face recogniser needs onnxruntime, which is not installed: "
            "type 'uv pip install onnxruntime'."
        ) from error
    if not path.is_file():
        known = ", ".join(name for name, w in REGISTRY.items() if w.file.endswith("onnx"))
        raise UserError(f"No recogniser at {path}: give the path of an .onnx file, or {known}.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
    providers = [p for p in wanted if p in onnxruntime.get_available_providers()]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime has an exception for each kind of broken file
        raise UserError(f"{path} cannot be read as an ONNX file ({error}).") from error
