"""A job does the task that is configured, and leaves what every job leaves."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
CENSUS = ("+task._target_=tests.tasks.census.Census", "task.name=census", "+task.most=10")
SMALL = ("samples=16", "seed=3", "threads=1", "logger=none", "method=sefa")


def run(*overrides: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "run.py", *SMALL, *CENSUS, *overrides],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("census")
    out = folder / "out"
    ended = run(f"store={folder / 'store'}", f"hydra.run.dir={out}")
    assert ended.returncode == 0, ended.stderr
    return out, ended.stdout


def test_numbers_have_the_keys_of_any_job(done: tuple[Path, str]) -> None:
    out, _ = done
    found = json.loads((out / "metrics.json").read_text())
    assert [found[k] for k in ("task", "method", "region", "generator", "seed", "samples")] == [
        "census", "sefa", "mouth", "stylegan2_procfaces", 3, 16,
    ]  # fmt: skip
    assert set(found["metrics"]["brightness"]) == {"value", "ci95", "n"}
    assert found["metrics"]["brightness"]["n"] == len(found["details"]["each"]) == 10
    assert found["timings"].keys() == found["from_store"].keys() == {"codes"}
    assert found["environment"]["python"]


def test_pictures_report_and_table(done: tuple[Path, str]) -> None:
    out, printed = done
    with Image.open(out / "first.png") as picture:
        assert picture.size == (64, 64)
    page = (out / "report.html").read_text()
    assert "brightness" in page
    assert "data:image/png;base64," in page
    assert "python run.py" in page
    assert "brightness" in printed
    assert str(out / "report.html") in printed


def test_what_a_task_refuses_is_one_line(tmp_path: Path) -> None:
    ended = run("+task.refuses=sefa", f"store={tmp_path}/s", f"hydra.run.dir={tmp_path}/out")
    assert ended.returncode == 2
    assert ended.stderr == "error: task=census: not with method=sefa.\n"
    assert not (tmp_path / "s").exists()
