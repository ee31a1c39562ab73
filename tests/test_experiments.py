"""Every experiment file: its grid is right, its reproduction exists, and a small one works."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from hydra.types import RunMode
from omegaconf import DictConfig

from pipeline.config import register
from pipeline.domains.procfaces import ProcFaces
from pipeline.errors import UserError
from pipeline.experiment import make
from pipeline.preflight import CONF, preflight
from pipeline.reproductions.base import Reproduction

ROOT = Path(__file__).parents[1]
EXPERIMENTS = sorted(
    file.relative_to(CONF / "experiment").with_suffix("").as_posix()
    for file in (CONF / "experiment").rglob("*.yaml")
)
TARGETS = sorted(file.stem for file in (CONF / "target").glob("*.yaml"))
SMALL = ("samples=8", "batch=8", "threads=1", "method.num_directions=1", "logger=none")


def composed(*overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", list(overrides), return_hydra_config=True)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_cell_of_every_grid_is_right(name: str) -> None:
    preflight([f"experiment={name}"])


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_is_a_sweep_with_a_reproduction(name: str) -> None:
    config = composed(f"experiment={name}")
    assert config.hydra.mode == RunMode.MULTIRUN
    reproduction = make(config.reproduction)
    assert isinstance(reproduction, Reproduction)
    assert reproduction.name == name


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment_opens_with_its_command_and_its_time(name: str) -> None:
    head = (CONF / "experiment" / f"{name}.yaml").read_text().splitlines()[:8]
    assert head[0] == "# @package _global_"
    assert any(f"python run.py experiment={name}" in line and "minute" in line for line in head)


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_is_an_attribute_of_its_region(name: str) -> None:
    config, domain = composed(f"target={name}"), ProcFaces()
    domain.check_attribute(config.attribute)
    assert config.region.name in domain.attribute_parts[config.attribute]
    assert config.change != 0


def test_the_command_line_outweighs_target_and_experiment() -> None:
    config = composed("experiment=resefa/table1", "target=close_eyes", "region=mouth", "samples=3")
    assert (config.region.name, config.attribute, config.samples) == ("mouth", "eye_open", 3)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["experiment=resefa/tabel1"], "experiment=resefa/table1"),
        (["experiment=resefa/table1", "method=resefa,sefaa"], "method=sefa"),
        (["experiment=resefa/table1", "target=close_eyse"], "target=close_eyes"),
        (["experiment=resefa/table1", "samples=0"], "samples=0"),
        (["experiment=resefa/table1", "change=0"], "change=0"),
        (["experiment=resefa/table1", "smaples=8"], "samples"),
    ],
)
def test_a_mistake_beside_an_experiment_is_one_line(arguments: list[str], named: str) -> None:
    with pytest.raises(UserError) as caught:
        preflight(arguments)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def run(store: Path, sweep: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "run.py", "experiment=resefa/table1", "hydra/launcher=basic", *SMALL,
         f"store={store}", f"hydra.sweep.dir={sweep}", *overrides],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def test_a_subset_of_the_grid_and_a_rerun_that_fills_what_is_missing(tmp_path: Path) -> None:
    store = tmp_path / "store"
    done = run(store, tmp_path / "first", "method=sefa", "target=close_eyes")
    assert done.returncode == 0, done.stderr
    done = run(store, tmp_path / "second", "method=sefa", "target=close_eyes", "samples=8,16")
    assert done.returncode == 0, done.stderr
    cells = [json.loads((tmp_path / "second" / n / "metrics.json").read_text()) for n in "01"]
    assert all(cells[0]["from_store"].values())
    assert cells[1]["from_store"]["calibrate"]
    assert not cells[1]["from_store"]["edit"]
    assert cells[0]["attribute"] == "eye_open"
    assert cells[0]["attributes"]["eye_open"]["value"] < 0
    assert {"mse_in", "mse_out", "fd_embedded", "id_embedded"} <= set(cells[0]["metrics"])
    for suffix in ("csv", "md", "tex", "html", "json"):
        assert (tmp_path / "second" / f"table.{suffix}").stat().st_size > 500
    claims = json.loads((tmp_path / "second" / "claims.json").read_text())
    assert [claim["verdict"] for claim in claims] == ["not decided", "not decided"]
    assert "NOT DECIDED: ReSeFa keeps the identity" in done.stdout


def test_a_failed_cell_loses_no_other(tmp_path: Path) -> None:
    census = ("+task._target_=tests.tasks.census.Census", "+task.refuses=ganspace")
    done = run(
        tmp_path / "store", tmp_path / "s", "target=close_eyes", "method=ganspace,sefa", *census
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    table = json.loads((tmp_path / "s" / "table.json").read_text())
    states = {
        row["labels"]["method"]: row["cells"]["state"]["value"]
        for row in table["rows"]
        if row["labels"]["target"] == "close_eyes"
    }
    assert states["ganspace"] == "failed"
    assert json.loads((tmp_path / "s" / "1" / "metrics.json").read_text())["metrics"]
    assert "close_eyes, ganspace: failed: task=edit: not with method=ganspace." in done.stdout
