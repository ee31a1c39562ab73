"""The recogniser's plumbing with a session that echoes, and a real one on real faces."""

import csv
import io
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from pipeline.errors import UserError
from pipeline.evaluators import recognition
from pipeline.evaluators.alignment import FixedCrop
from pipeline.evaluators.recognition import OnnxRecogniser

REAL = Path(__file__).parents[3] / "shared" / "real"
PAIRS = 50  # of either kind


class Echo:
    """A session that answers with the mean colour of its input."""

    def __init__(self, batch: int | str) -> None:
        self.batch, self.sizes = batch, list[int]()

    def get_inputs(self) -> list[SimpleNamespace]:
        return [SimpleNamespace(name="face", shape=[self.batch, 3, 112, 112])]

    def run(self, _: None, feed: dict[str, Any]) -> list[Any]:
        self.sizes.append(len(feed["face"]))
        return [feed["face"].mean((2, 3))]


@pytest.mark.parametrize(("batch", "sizes"), [(1, [1, 1, 1]), ("n", [3])])
def test_faces_are_scaled_and_run(
    batch: int | str, sizes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Echo(batch)
    monkeypatch.setattr(recognition, "_session", lambda _: session)
    colours = torch.tensor([[1.0, -1, 0.5], [0.2, 0.2, 0.2], [0, 0, 0]])
    people = OnnxRecogniser("x.onnx", "arcface", FixedCrop())(
        colours[:, :, None, None].expand(-1, -1, 30, 30)
    )
    assert session.sizes == sizes
    expected = torch.nn.functional.normalize(colours)
    assert (people.vectors - expected).abs().max() < 1e-5
    assert people.valid.tolist() == [True, True, False]  # the last one has no direction


def test_imagenet_scaling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognition, "_session", lambda _: Echo("n"))
    people = OnnxRecogniser("x.onnx", "imagenet", FixedCrop())(torch.ones(1, 3, 9, 9))
    scaled = (1 - torch.tensor([0.485, 0.456, 0.406])) / torch.tensor([0.229, 0.224, 0.225])
    assert (people.vectors[0] - scaled / scaled.norm()).abs().max() < 1e-5


def test_mistakes_are_described(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError, match="Did you mean scaling=arcface"):
        OnnxRecogniser("x.onnx", "arcfaces")
    with pytest.raises(UserError, match="'arcface_r50' are missing.*archive"):
        OnnxRecogniser("arcface_r50")
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(UserError, match="uv pip install onnxruntime"):
        OnnxRecogniser("x.onnx")


def test_files_that_are_no_recognisers(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    with pytest.raises(UserError, match="No recogniser at .*arcface_r50, mobilefacenet"):
        OnnxRecogniser(tmp_path / "none.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"broken")
    with pytest.raises(UserError, match="cannot be read as an ONNX file"):
        OnnxRecogniser(tmp_path / "broken.onnx")


def faces(archive: zipfile.ZipFile, names: list[str]) -> Tensor:
    arrays = [np.asarray(Image.open(io.BytesIO(archive.read(n))).convert("RGB")) for n in names]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2) / 127.5 - 1


def test_a_real_recogniser_tells_real_people_apart() -> None:
    pytest.importorskip("onnxruntime")
    model = REAL / "recognition" / "mobilefacenet_112.onnx"
    if not model.is_file():
        pytest.skip("no real recogniser here")
    with (REAL / "lfw_pairs" / "pairs.csv").open() as file:
        rows = list(csv.DictReader(file))
    chosen = [[r for r in rows if r["same"] == kind][:PAIRS] for kind in ("1", "0")]
    recognise = OnnxRecogniser(model, "imagenet", FixedCrop())
    with zipfile.ZipFile(REAL / "lfw_pairs" / "lfw_pairs_112.zip") as archive:
        pairs = [
            [recognise(faces(archive, [r[side] for r in kind])).vectors for side in "ab"]
            for kind in chosen
        ]
    same, different = ((a * b).sum(1) for a, b in pairs)
    area = (same[:, None] > different[None]).float().mean().item()
    assert area > 0.99
    assert same.mean() > 0.5 > 0.2 > different.mean()
