"""What is read off the detector's outputs, on outputs made by hand."""

import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.inversion.detection import (
    SIDE,
    STRIDES,
    Face,
    YuNet,
    decoded,
    distinct,
    letterboxed,
    one_face,
)

FILE = Path("party.jpg")


def face(left: float, top: float, size: float, score: float = 0.9) -> Face:
    box = torch.tensor([left, top, left + size, top + size])
    return Face(score, box, torch.zeros(5, 2))


def outputs(stride: int, cell: tuple[int, int], cls: float, obj: float) -> dict[str, Tensor]:
    """A single candidate in a cell (row, column), others impossible."""
    side = SIDE // stride
    index = cell[0] * side + cell[1]
    tensors = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    made = {f"{name}_{stride}": torch.zeros(side * side, k) for name, k in tensors.items()}
    made[f"cls_{stride}"][index], made[f"obj_{stride}"][index] = cls, obj
    made[f"bbox_{stride}"][index] = (
        torch.tensor([0.5, 0.25, 1.0, 2.0])
        .log_()
        .where(torch.tensor([False, False, True, True]), torch.tensor([0.5, 0.25, 0.0, 0.0]))
    )
    made[f"kps_{stride}"][index] = torch.arange(10.0) / 10
    return made


def test_a_candidate_is_read_in_pixels_of_the_picture() -> None:
    (found,) = decoded(outputs(16, (2, 5), 0.81, 1.0), 16, scale=0.5)
    assert found.score == pytest.approx(0.9)
    # Centre at column 5.5 and row 2.25 cells; one cell wide, two high; a cell is 32 pixels.
    assert found.box.tolist() == pytest.approx([160.0, 40.0, 192.0, 104.0])
    assert found.height == pytest.approx(64)
    first, last = found.landmarks[0], found.landmarks[4]
    assert first.tolist() == pytest.approx([5 * 32 - 0.5, 2.1 * 32 - 0.5])
    assert last.tolist() == pytest.approx([5.8 * 32 - 0.5, 2.9 * 32 - 0.5])


def test_uncertain_candidates_do_not_count() -> None:
    assert decoded(outputs(8, (0, 0), 0.6, 0.8), 8, 1.0) == []
    assert len(decoded(outputs(8, (0, 0), 1.7, 0.5), 8, 1.0)) == 1  # both are cut off at 1


def test_of_overlapping_faces_the_most_certain_stays() -> None:
    faces = [face(0, 0, 10, 0.8), face(1, 1, 10, 0.95), face(30, 0, 10, 0.7)]
    assert [f.score for f in distinct(faces)] == [0.95, 0.7]
    touching = [face(0, 0, 10, 0.9), face(6, 0, 10, 0.8)]  # 40 of 160: a quarter
    assert len(distinct(touching)) == 2


def test_bystanders_are_left_out() -> None:
    assert one_face([face(0, 0, 20), face(50, 0, 100)], FILE).height == 100


@pytest.mark.parametrize(
    ("faces", "said"),
    [([], "no face was found"), ([face(0, 0, 90), face(200, 0, 100)], "2 faces of about")],
)
def test_no_face_or_several_are_one_line(faces: list[Face], said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        one_face(faces, FILE)
    assert "party.jpg" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_network_sees_blue_first_and_black_beside_the_picture() -> None:
    image = torch.zeros(3, 20, 40, dtype=torch.uint8)
    image[0], image[2] = 200, 100
    seen = letterboxed(image, 2.0)
    assert seen.shape == (1, 3, SIDE, SIDE)
    assert seen[0, :, 20, 40].tolist() == pytest.approx([100, 0, 200])
    assert float(seen[..., 40:, :].abs().max()) == float(seen[..., 80:].abs().max()) == 0


class Session:
    """Stands in for onnxruntime: answers a fixed face, and notes what it is shown."""

    def __init__(self, tensors: dict[str, Tensor]) -> None:
        self.tensors, self.shown = tensors, []

    def get_inputs(self) -> list[object]:
        return [type("Input", (), {"name": "input"})]

    def get_outputs(self) -> list[object]:
        return [type("Output", (), {"name": name}) for name in self.tensors]

    def run(self, _names: object, inputs: dict[str, object]) -> list[object]:
        self.shown.append(inputs["input"])
        return [tensor[None].numpy() for tensor in self.tensors.values()]


def test_every_picture_is_shown_at_two_scales(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = {
        f"{name}_{s}": torch.zeros((SIDE // s) ** 2, k)
        for s in STRIDES
        for name, k in {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}.items()
    }
    session = Session(nothing | outputs(16, (2, 5), 0.81, 1.0))
    monkeypatch.setattr("pipeline.inversion.detection._session", lambda _path: session)
    found = YuNet()(torch.zeros(3, 1280, 640, dtype=torch.uint8))
    assert len(session.shown) == 2
    # The same answer at both scales is two faces, of 64 pixels and of 128.
    assert sorted(f.height for f in found) == pytest.approx([64.0, 128.0])


def test_without_onnxruntime_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UserError, match="uv sync --extra photographs") as caught:
        YuNet()
    assert "\n" not in str(caught.value)


def test_without_the_weights_the_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError, match="face_detection_yunet_2023mar.onnx"):
        YuNet()


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"<html>")
    with pytest.raises(UserError, match="broken.onnx cannot be read as an ONNX file"):
        YuNet(broken)
