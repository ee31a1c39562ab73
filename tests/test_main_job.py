"""The main job as a user starts it, on a small setting: results, resume, damage, sweep."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors import safe_open

ROOT = Path(__file__).parents[1]
SMALL = (
    "samples=24",
    "strength=[1]",
    "dataset.reference_samples=64",
    "method.num_codes=2",
    "method.num_directions=2",
    "threads=1",
    "logger=none",
)


def command(store: Path, out: Path, *overrides: str) -> list[str]:
    return [
        sys.executable, "run.py", "method=resefa", "region=mouth", *SMALL,
        f"store={store}", f"hydra.run.dir={out}", *overrides,
    ]  # fmt: skip


def run(store: Path, out: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(store, out, *overrides), cwd=ROOT, capture_output=True, text=True, timeout=300
    )


MEASURED = (
    "timings",
    "from_store",
    "environment",
    "discovery",
)  # seconds, and where they were spent


def numbers(out: Path) -> dict[str, Any]:
    """What may not depend on how often a run was interrupted."""
    found: dict[str, Any] = json.loads((out / "metrics.json").read_text())
    return {k: v for k, v in found.items() if k not in MEASURED}


def assert_same(found: Any, wanted: Any) -> None:
    """Equal but for the last digits: linear algebra rounds by where its arrays lie in memory."""
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for key in wanted:
            assert_same(found[key], wanted[key])
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            assert_same(a, b)
    elif isinstance(wanted, float):
        assert found == pytest.approx(wanted, rel=1e-9)
    else:
        assert found == wanted


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path, str]]:
    folder = tmp_path_factory.mktemp("undisturbed")
    done = run(folder / "store", folder / "out", "logger=wandb")
    assert done.returncode == 0, done.stderr
    yield folder / "store", folder / "out", done.stdout


def test_it_leaves_numbers_report_edits_and_an_offline_run(
    undisturbed: tuple[Path, Path, str],
) -> None:
    _, out, printed = undisturbed
    found = json.loads((out / "metrics.json").read_text())
    assert (found["method"], found["region"], found["generator"], found["seed"]) == (
        "resefa", "mouth", "stylegan2_procfaces", 0,
    )  # fmt: skip
    assert found["strengths"] == [1.0]
    for name in ("mse_in", "mse_out", "ssim", "id_embedded", "fd_embedded", "lpips_embedded"):
        entry = found["metrics"][name]
        assert entry["n"] == 24
        assert entry["ci95"][0] <= entry["value"] <= entry["ci95"][1]
        assert found["curves"][name]["strength"] == [0.0, 1.0]
    assert {"reference", "codes", "jacobian", "discover", "calibrate", "edit", "directions"} <= set(
        found["timings"]
    )
    assert len(found["directions"]) == 2
    assert (out / "report.html").stat().st_size > 50_000
    assert list((out / "wandb").glob("offline-run-*"))
    assert str(out / "report.html") in printed
    with safe_open(out / "edits.safetensors", "pt") as file:
        assert file.metadata()
    lines = (out / "metrics.jsonl").read_text().splitlines()
    stages = [json.loads(line).get("stage") for line in lines]
    assert stages[:2] == ["reference", "codes"]


def test_the_edit_is_local(undisturbed: tuple[Path, Path, str]) -> None:
    metrics = numbers(undisturbed[1])["metrics"]
    assert metrics["mse_ratio"]["value"] > 5
    assert metrics["mse_in"]["value"] > 5 * metrics["mse_out"]["value"]


def test_a_repeated_run_takes_everything_from_the_store(
    undisturbed: tuple[Path, Path, str], tmp_path: Path
) -> None:
    store, out, _ = undisturbed
    assert run(store, tmp_path / "again").returncode == 0
    assert_same(numbers(tmp_path / "again"), numbers(out))
    again = json.loads((tmp_path / "again" / "metrics.json").read_text())
    assert all(again["from_store"].values())


@pytest.mark.parametrize("stage", ["reference", "jacobian", "calibrate", "edit", "directions"])
def test_killed_in_any_stage_it_ends_with_the_same_numbers(
    stage: str, undisturbed: tuple[Path, Path, str], tmp_path: Path
) -> None:
    whole, out, _ = undisturbed
    store = tmp_path / "store"
    _copy_stages_before(stage, whole, store)
    process = subprocess.Popen(
        command(store, tmp_path / "killed"),
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list((store / stage).glob(".partial-*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed" / "metrics.json").exists()
    done = run(store, tmp_path / "killed")
    assert done.returncode == 0, done.stderr
    assert_same(numbers(tmp_path / "killed"), numbers(out))


def _copy_stages_before(stage: str, whole: Path, store: Path) -> None:
    """The store of a run that got as far as a stage, so that the kill comes soon."""
    order = ["reference", "codes", "jacobian", "discover", "calibrate", "edit", "directions"]
    store.mkdir()
    for name in order[: order.index(stage)]:
        shutil.copytree(whole / name, store / name)


def test_a_store_entry_cut_short_is_said_and_computed_again(
    undisturbed: tuple[Path, Path, str], tmp_path: Path
) -> None:
    whole, out, _ = undisturbed
    store = tmp_path / "store"
    shutil.copytree(whole, store)
    edits = next((store / "discover").glob("*/edits.safetensors"))
    edits.write_bytes(edits.read_bytes()[:100])
    done = run(store, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "damaged" in (tmp_path / "out" / "run.log").read_text()
    assert_same(numbers(tmp_path / "out"), numbers(out))


def test_a_sweep_ends_in_one_table(undisturbed: tuple[Path, Path, str], tmp_path: Path) -> None:
    store, _, _ = undisturbed
    sweep = tmp_path / "sweep"
    done = run(store, tmp_path, "-m", "seed=0", "strength=1,2", f"hydra.sweep.dir={sweep}")
    assert done.returncode == 0, done.stderr
    for suffix in ("csv", "md", "html", "json"):
        assert (sweep / f"table.{suffix}").stat().st_size > 100
    assert "MSE" in done.stdout
    second = json.loads((sweep / "1" / "metrics.json").read_text())
    assert second["from_store"]["discover"]


def test_a_damaged_weights_file_is_named(tmp_path: Path) -> None:
    asset = ROOT / "pipeline" / "assets" / "stylegan2_procfaces.safetensors"
    damaged = tmp_path / "cut.safetensors"
    damaged.write_bytes(asset.read_bytes()[:5000])
    done = run(tmp_path / "store", tmp_path / "out", f"generator.path={damaged}")
    assert done.returncode == 2
    assert "cut.safetensors" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_output_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    done = run(tmp_path / "store", tmp_path / "file" / "out")
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert "file" in done.stderr
