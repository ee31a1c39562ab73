"""The same sweep by every launcher, by two at once on one store, and with a worker killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.report.collate import read_jobs
from pipeline.report.jobs import Job

ROOT = Path(__file__).parents[1]
SECONDS = 600  # a sweep takes 10 to 25 on a quiet machine
SWEEP = (
    "region=mouth",
    "samples=40",
    "batch=32",
    "shards=2",
    "shard=0,1",
    "strength=[1]",
    "dataset.reference_samples=64",
    "method.num_codes=2",
    "method.num_directions=1",
    "threads=1",
    "device=cpu",
    "logger=none",
)
RAY = "hydra_ray_launcher"
IN_TWO = ("hydra/launcher=slurm_local", "hydra.sweeper.max_batch_size=2")


def start(folder: Path, store: Path, *overrides: str) -> subprocess.Popen[str]:
    places = (f"store={store}", f"hydra.sweep.dir={folder}")
    slow_start = {"RAY_raylet_start_wait_time_s": "60"}  # 30 is little on a busy machine
    return subprocess.Popen(
        [sys.executable, "run.py", "-m", *SWEEP, *places, *overrides],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env=os.environ | slow_start,
    )  # fmt: skip


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit status and everything printed; a sweep that hangs is ended."""
    try:
        printed, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.terminate()
        printed, _ = process.communicate()
    return process.returncode, printed


def completed(folder: Path, store: Path, *overrides: str) -> str:
    status, printed = ended(start(folder, store, *overrides))
    assert status == 0, printed
    return printed


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("undisturbed")
    printed = completed(folder / "sweep", folder / "store")
    assert "MSE" in printed
    return folder / "sweep"


def calibrated(undisturbed: Path, store: Path) -> Path:
    """A store that has the slowest stage of the sweep; all others are made again."""
    shutil.copytree(undisturbed.parent / "store" / "calibrate", store / "calibrate")
    return store


def assert_same_table(found: Path, wanted: Path) -> None:
    """The same rows and text, but for times; numbers but for the last digits of linear algebra."""
    assert text_of(found) == text_of(wanted)
    for job, model in zip(read_jobs(found), read_jobs(wanted), strict=True):
        assert (job.folder, job.problem) == (model.folder, model.problem)
        assert numbers(job).keys() == numbers(model).keys()
        for name, values in numbers(model).items():
            assert numbers(job)[name] == pytest.approx(values, rel=1e-9, nan_ok=True)


def text_of(sweep: Path) -> list[str]:
    """The table as printed, without its last column, the time."""
    lines = (sweep / "table.md").read_text().splitlines()
    return [line.rsplit("|", 2)[0] for line in lines if line.startswith("|")]


def numbers(job: Job) -> dict[str, tuple[float, ...]]:
    return {name: (e.value, *e.ci95, e.n) for name, e in job.metrics.items()}


def test_a_sweep_of_shards_ends_in_one_row(undisturbed: Path) -> None:
    (job,) = read_jobs(undisturbed)
    assert job.problem is None
    assert {e.n for e in job.metrics.values()} == {40}


@pytest.mark.parametrize(
    ("launcher", "plugin"),
    [
        (("hydra/launcher=local",), "hydra_joblib_launcher"),
        (IN_TWO, "hydra_submitit_launcher"),
        pytest.param(("hydra/launcher=ray_local",), RAY, marks=pytest.mark.slow),
    ],
    ids=["joblib", "submitit", "ray"],
)
def test_every_launcher_gives_the_same_table(
    launcher: tuple[str, ...], plugin: str, undisturbed: Path, tmp_path: Path
) -> None:
    pytest.importorskip(f"hydra_plugins.{plugin}")
    store = calibrated(undisturbed, tmp_path / "store")
    status, printed = ended(start(tmp_path / "sweep", store, *launcher))
    if plugin == RAY and status and not (tmp_path / "sweep" / "0").exists():
        pytest.skip("Ray did not start: it gives its own processes 15 seconds, whatever the load")
    assert status == 0, printed
    assert_same_table(tmp_path / "sweep", undisturbed)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds workers in /proc")
def test_two_sweeps_on_one_store_and_a_killed_worker(undisturbed: Path, tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    hurt, other = tmp_path / "hurt" / "sweep", tmp_path / "other" / "sweep"
    store = calibrated(undisturbed, tmp_path / "store")
    with start(hurt, store, *IN_TWO) as first, start(other, store) as second:
        kill_worker(hurt, 1, first)
        status, printed = ended(first)
        calm, said = ended(second)
    assert (calm, status) == (0, 1), said + printed
    assert_same_table(other, undisturbed)
    assert (hurt / "0" / "metrics.json").exists()
    (job,) = read_jobs(hurt)
    assert "shard 1 of 2: left no metrics.json" in str(job.problem)
    completed(hurt, store)
    assert_same_table(hurt, undisturbed)
    assert not list((store / ".claims").iterdir())
    entries = [path for path in store.glob("*/*") if not path.name.startswith(".")]
    assert all((entry / "manifest.json").exists() for entry in entries)


def kill_worker(sweep: Path, number: int, program: subprocess.Popen[str]) -> None:
    """Kill the process of a job once it is at work."""
    deadline = time.monotonic() + SECONDS
    record = sweep / str(number) / "metrics.jsonl"
    while not (record.exists() and record.stat().st_size):
        assert program.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(workers(sweep)[number], signal.SIGKILL)


def workers(sweep: Path) -> list[int]:
    """The processes that submitit runs the jobs of a sweep in, in their order."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if "submitit.core._submit" in words and any(str(sweep) in word for word in words):
            found.append(int(folder.name))
    return sorted(found)
