"""The main job on pictures, as a user starts it, on a small setting."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pipeline.datasets.procfaces import render, sample_factors
from pipeline.report.images import save_png

ROOT = Path(__file__).parents[2]
SMALL = (
    "strength=[-1,1]",
    "dataset=procfaces",
    "dataset.reference_samples=64",
    "method.num_codes=2",
    "method.num_directions=1",
    "direction=0",
    "threads=1",
    "logger=none",
    "codes=inversion",
    "codes.steps=4",
    "codes.batch=2",
)


def run(pictures: Path, store: Path, out: Path) -> subprocess.CompletedProcess[str]:
    given = [f"codes.images={pictures}", f"store={store}", f"hydra.run.dir={out}"]
    return subprocess.run(
        [sys.executable, "run.py", "method=resefa", "region=mouth", *SMALL, *given],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pictures, and what a run on them left."""
    folder = tmp_path_factory.mktemp("inversion")
    factors = sample_factors(3, torch.Generator().manual_seed(4242))
    for number, image in enumerate(render(factors).images):
        save_png(image, folder / "pictures" / f"face_{number}.png")
    done = run(folder / "pictures", folder / "store", folder / "out")
    assert done.returncode == 0, done.stderr
    return folder


def test_the_pictures_are_the_samples(folder: Path) -> None:
    found = json.loads((folder / "out" / "metrics.json").read_text())
    assert found["samples"] == found["metrics"]["mse_in"]["n"] == 3
    assert "3 picture(s)" in (folder / "out" / "run.log").read_text()
    inversion = found["inversion"]
    assert (inversion["space"], inversion["aligned"]) == ("w+", False)
    assert [row["file"] for row in inversion["per_image"]] == [f"face_{i}.png" for i in range(3)]
    values = [row["psnr"] for row in inversion["per_image"]]
    quality = inversion["quality"]["psnr"]
    assert quality["n"] == 3
    assert quality["value"] == pytest.approx(sum(values) / 3)
    assert inversion["extremes"]["psnr"] == [min(values), max(values)]


def test_report_and_sheet_show_them(folder: Path) -> None:
    page = (folder / "out" / "report.html").read_text()
    for words in (
        "face_2.png, its reconstruction",
        "the original of an edit is the reconstruction",
    ):
        assert words in page
    assert "could not be drawn" not in page
    assert (folder / "out" / "reconstructions.png").stat().st_size > 10_000


def test_only_batches_that_changed_are_projected_again(folder: Path, tmp_path: Path) -> None:
    last = folder / "pictures" / "face_2.png"
    last.write_bytes((folder / "pictures" / "face_0.png").read_bytes())
    done = run(folder / "pictures", folder / "store", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(x) for x in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    batches = [line["from_store"] for line in lines if line.get("stage") == "invert"]
    assert batches == [True, False]
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert found["from_store"]["discover"]
