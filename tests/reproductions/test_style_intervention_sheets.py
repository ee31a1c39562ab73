"""Figures 4, 7 and 8 of Style Intervention from what jobs leave."""

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from pipeline.array_files import write_arrays
from pipeline.metrics.base import Estimate
from pipeline.report.jobs import Job
from pipeline.reproductions.style_intervention_sheets import Figure4, Figure7, Figure8

RED, GREEN = (190, 30, 30), (0, 110, 60)


def job(folder: Path, method: str, unwanted: float, other: float, attribute: str = "smile") -> Job:
    """Two faces, of which the edit moves the attribute by one and another by so much."""
    folder.mkdir(parents=True, exist_ok=True)
    images = torch.zeros(2, 3, 8, 8)
    changes = torch.tensor([[1.0, other], [1.0, 0.0]])
    write_arrays({"originals": images, "edited": images.clone(), "changes": changes}, folder)
    metrics = {
        "change": Estimate(1.0, (0.9, 1.1), 64),
        "unwanted": Estimate(unwanted, (unwanted - 0.2, unwanted + 0.2), 64),
    }
    details = {"attribute": attribute, "names": [attribute, "age"]}
    overrides = {"attribute": attribute, "method": method}
    return Job(Path(folder.name), overrides, metrics, path=folder, details=details)


def colours(picture: object) -> set[tuple[int, ...]]:
    assert isinstance(picture, bytes)
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGB"))
    return set(map(tuple, pixels.reshape(-1, 3).tolist()))


def test_who_changes_fewer_other_attributes(tmp_path: Path) -> None:
    ours = job(tmp_path / "0", "style_intervention", 1.0, 0.0)
    worse = job(tmp_path / "1", "hyperplane_z", 2.0, 0.9)
    alike = job(tmp_path / "2", "interfacegan", 1.1, 0.9)
    claims = Figure7().claims([ours, worse, alike], {})
    assert [claim.verdict for claim in claims] == ["holds", "not decided"]
    swapped = job(tmp_path / "3", "hyperplane_w", 0.2, 0.0)
    (claim,) = Figure8().claims([ours, swapped], {})
    assert claim.verdict == "does not hold"
    assert "1.00 [0.80, 1.20] per image against 0.20" in claim.evidence


def test_jobs_that_failed_leave_the_claim_open_and_their_cells_empty(tmp_path: Path) -> None:
    ours = job(tmp_path / "0", "style_intervention", 1.0, 0.0)
    lost = Job(Path("1"), {"attribute": "smile", "method": "hyperplane_w"}, {}, problem="no disk")
    (claim,) = Figure8().claims([ours, lost], {})
    assert claim.verdict == "not decided"
    (table,) = Figure8().tables([ours, lost], {})
    assert len(table.rows) == 2
    assert len(Figure8().figures([ours, lost], {})) == 1


def test_unwanted_changes_are_red_and_small_ones_are_not_named(tmp_path: Path) -> None:
    far = Figure7().figures([job(tmp_path / "0", "hyperplane_z", 1.0, 0.9)], {})
    assert {RED, GREEN} <= colours(far[0].content)
    near = Figure7().figures([job(tmp_path / "1", "hyperplane_z", 1.0, 0.3)], {})
    assert GREEN in colours(near[0].content)
    assert RED not in colours(near[0].content)


def test_figure_4_shows_all_attributes_on_one_sheet(tmp_path: Path) -> None:
    smile = job(tmp_path / "0", "style_intervention", 1.0, 0.0)
    beard = job(tmp_path / "1", "style_intervention", 1.0, 0.0, "beard")
    (figure,) = Figure4().figures([smile, beard], {})
    assert isinstance(figure.content, bytes)
    assert Figure4().claims([smile, beard], {}) == []
    assert Image.open(io.BytesIO(figure.content)).width > 3 * 192
