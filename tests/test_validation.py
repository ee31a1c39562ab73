"""What ``python run.py ... --validate`` says, and that it computes nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.validation import FLAG, Validation, Verdict, validate

ROOT = Path(__file__).parents[1]


def test_a_sweep_is_checked_combination_by_combination(tmp_path: Path) -> None:
    out = f"hydra.sweep.dir={tmp_path / 'out'}"
    grid = ["method=resefa,stylespace", "generator=stylegan2_procfaces,biggan_procfaces"]
    found = validate(["-m", *grid, out, FLAG])
    lines = found.lines()
    assert not found.good
    assert [bool(v.problem) for v in found.verdicts] == [False, True, False, True]
    assert lines[0].startswith("cannot run: method=resefa generator=biggan_procfaces")
    assert "edits in w; generator=biggan_procfaces offers z" in lines[0]
    assert "add method.space=z" in lines[0]
    assert "method=stylespace edits in s" in lines[1]
    assert lines[2] == "4 jobs, 2 can run"
    assert list(tmp_path.iterdir()) == []


def test_an_experiment_brings_its_grid_and_its_time(tmp_path: Path) -> None:
    found = validate(["experiment=editing_in_style/table1", f"hydra.sweep.dir={tmp_path}", FLAG])
    assert found.good
    assert found.lines()[0] == "1 job, 1 can run"
    assert "as conf/experiment/editing_in_style/table1.yaml says" in found.time


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["method=hyperplane_s"], ["needs an attribute", "attribute="]),
        (["attribute=mouth_opn"], ["mouth_opn", "attribute=mouth_open"]),
        (["device=tpu"], ["device=tpu", "cuda"]),
        (["metric.lpips=sometimes"], ["metric.lpips", "official"]),
        (["generator=checkpoint"], ["generator.checkpoint=FILE"]),
        (["method=saved", "method.path=no/where"], ["method.path=no/where"]),
        (["batch=10000000", "samples=10000000"], ["batch=10000000", "GB"]),
    ],
)
def test_what_cannot_run_says_what_to_type(arguments: list[str], named: list[str]) -> None:
    (line, *_) = validate([*arguments, FLAG]).lines()
    assert line.startswith("cannot run: ")
    assert all(word in line for word in named)
    assert "\n" not in line


def test_a_mistake_is_refused_as_by_a_run() -> None:
    with pytest.raises(UserError, match="Did you mean"):
        validate(["regoin=mouth", FLAG])


def test_earlier_runs_tell_the_time(tmp_path: Path) -> None:
    record = {
        "task": "edit",
        "method": "resefa",
        "generator": "stylegan2_procfaces",
        "samples": 128,
        "timings": {"discover": 10, "edit": 20},
    }
    folder = tmp_path / "2020-01-01" / "00-00-00"
    folder.mkdir(parents=True)
    (folder / "metrics.json").write_text(json.dumps(record))
    found = validate([f"store={tmp_path / 'store'}", f"hydra.run.dir={tmp_path}/a/b", FLAG])
    assert found.time == "at most about 50 seconds from an empty store, by earlier runs here"


def test_one_bad_job_is_no_good() -> None:
    mixed = Validation([Verdict(["seed=1"]), Verdict(["seed=2"], "no")], "unknown")
    assert not mixed.good
    assert mixed.lines()[:2] == ["cannot run: seed=2: no", "2 jobs, 1 can run"]


@pytest.mark.parametrize(("arguments", "status"), [([], 0), (["method=saved"], 2)])
def test_the_command_line_answers_without_torch(arguments: list[str], status: int) -> None:
    code = (
        f"import sys; sys.argv={['run.py', *arguments, FLAG]!r}; import runpy\n"
        "try: runpy.run_path('run.py', run_name='__main__')\n"
        f"except SystemExit as end: assert end.code == {status}, end.code\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "1 job" in done.stdout
