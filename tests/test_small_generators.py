"""The main job on the small class-conditional generator: ReSeFa on z of a BigGAN."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
SMALL = ("strength=[1]", "dataset.reference_samples=64", "method.num_codes=2", "threads=1")


def test_resefa_edits_the_mouth_of_faces_of_a_class(tmp_path: Path) -> None:
    out = (f"store={tmp_path / 'store'}", f"hydra.run.dir={tmp_path / 'out'}", "logger=none")
    what = ("method=resefa", "method.space=z", "region=mouth", "samples=16")
    faces = ("generator=biggan_procfaces", "generator.classes=[beard,long_hair]")
    command = [sys.executable, "run.py", *what, *faces, *SMALL]
    done = subprocess.run(
        [*command, "method.num_directions=2", *out],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (found["generator"], found["metrics"]["mse_in"]["n"]) == ("biggan_procfaces", 16)
    inside, outside = (found["metrics"][name]["value"] for name in ("mse_in", "mse_out"))
    assert inside > 2 * outside  # a local edit: the box changes more than what is around it
    assert (tmp_path / "out" / "report.html").exists()


def test_an_unknown_class_ends_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "run.py", "generator=biggan_procfaces", "generator.classes=berd"],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode != 0
    assert "Unknown class 'berd'. Did you mean class=beard?" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
