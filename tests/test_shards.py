"""An evaluation divided over jobs gives the numbers of one job, for every metric."""

import json
import shutil
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from pipeline.config import check, register
from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.job import execute
from pipeline.preflight import CONF
from pipeline.publishing import summary
from pipeline.records import MetricsLog, write_json
from pipeline.report.collate import read_jobs, sweep_table
from pipeline.report.jobs import Job
from pipeline.report.tables import Missing
from pipeline.runner import Runner
from pipeline.shard_files import STATES, write_shard
from pipeline.shards import Share
from pipeline.store import Store

SMALL = (
    "region=mouth",
    "strength=[1]",
    "dataset.reference_samples=64",
    "method.num_codes=2",
    "method.num_directions=2",
    "threads=1",
    "logger=none",
    "device=cpu",
)
Runs = Callable[..., Path]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shards") / "store"


@cache
def configured(*overrides: str) -> DictConfig:
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", [*SMALL, *overrides])


@cache
def experiment() -> Experiment:
    return Experiment.of(configured())


def leave(folder: Path, store: Path, *overrides: str) -> dict[str, Any]:
    """Run a job and leave what the collation goes by; gives its numbers."""
    config = OmegaConf.merge(configured(), OmegaConf.from_dotlist(list(overrides)))
    assert isinstance(config, DictConfig)
    check(config)
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text("".join(f"- {o}\n" for o in overrides))
    with MetricsLog(folder / "metrics.jsonl") as record:
        runner = Runner(Store(store), record)
        outcome = execute(experiment(), config, runner)
        if outcome.share.shards > 1:
            write_shard(outcome, folder)
        write_json(folder / "metrics.json", summary(outcome, config, runner))
    return read(folder / "metrics.json")


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def sweep(folder: Path, store: Path, shards: int, *overrides: str) -> list[Job]:
    for shard in range(shards):
        leave(folder / str(shard), store, f"shards={shards}", f"shard={shard}", *overrides)
    return read_jobs(folder)


def assert_same(found: Any, wanted: Any, rel: float) -> None:
    if isinstance(wanted, dict):
        assert found.keys() == wanted.keys()
        for key in wanted:
            assert_same(found[key], wanted[key], rel)
    elif isinstance(wanted, list):
        assert len(found) == len(wanted)
        for a, b in zip(found, wanted, strict=True):
            assert_same(a, b, rel)
    elif isinstance(wanted, float):
        assert found == (pytest.approx(wanted, rel=rel) if rel else wanted)
    else:
        assert found == wanted


MEASURED = ("metrics", "unedited", "attributes", "curves", "directions")


@pytest.mark.parametrize(("samples", "batch", "shards"), [(40, 5, 8), (23, 5, 4)], ids=str)
def test_shards_equal_one_job_for_every_metric(
    samples: int, batch: int, shards: int, store: Path, tmp_path: Path
) -> None:
    setting = (f"samples={samples}", f"batch={batch}")
    one = leave(tmp_path / "one", store, *setting)
    # A store of its own for what is measured: nothing may be equal because it was found.
    others = tmp_path / "store"
    others.mkdir()
    for shared in ("reference", "codes", "discover", "calibrate"):
        (others / shared).symlink_to(store / shared)
    (job,) = sweep(tmp_path / "sweep", others, shards, *setting)
    merged = read(tmp_path / "sweep" / ".merged" / "0" / "metrics.json")
    assert job.problem is None
    assert {"mse_ratio", "mse_lab_in", "ssim", "lpips_embedded", "id_embedded", "fd_embedded"} <= {
        *job.metrics
    }
    assert {e.n for e in job.metrics.values()} == {samples}
    assert merged["samples"] == samples
    for part in MEASURED:
        # Moments of features are folded in another order; all else is the same to the last bit.
        assert_same(_without_frechet(merged[part]), _without_frechet(one[part]), rel=0)
        assert_same(merged[part], one[part], rel=1e-12)
    assert merged.keys() - one.keys() == {"shards", "made_of"}


def _without_frechet(numbers: Any) -> Any:
    if isinstance(numbers, Mapping):
        return {k: _without_frechet(v) for k, v in numbers.items() if k != "fd_embedded"}
    return numbers


@pytest.fixture(scope="module")
def halves(store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shards of a small evaluation; copied before anything is broken."""
    folder = tmp_path_factory.mktemp("halves")
    sweep(folder, store, 2, "samples=10", "batch=5")
    return folder


def broken(halves: Path, folder: Path, damage: Callable[[Path], object]) -> Job:
    shutil.copytree(halves, folder, dirs_exist_ok=True)
    shutil.rmtree(folder / ".merged")
    damage(folder)
    (job,) = read_jobs(folder)
    return job


def test_a_shard_measures_its_own_samples(halves: Path) -> None:
    for shard in ("0", "1"):
        assert read(halves / shard / "metrics.json")["metrics"]["ssim"]["n"] == 5


def test_the_table_has_one_row(halves: Path) -> None:
    table = sweep_table(halves)
    assert [row.labels[0] for row in table.rows] == ["0"]
    assert table.notes == ["All jobs: shards=2 samples=10 batch=5."]


def test_merged_numbers_are_kept_until_a_shard_changes(halves: Path, tmp_path: Path) -> None:
    job = broken(halves, tmp_path, lambda folder: None)
    merged = tmp_path / ".merged" / "0" / "metrics.json"
    stamp = merged.stat().st_mtime_ns
    assert read_jobs(tmp_path) == [job]
    assert merged.stat().st_mtime_ns == stamp
    notes = tmp_path / "1" / "shard.json"
    notes.write_text(notes.read_text().replace('"of": "', '"of": "0'))
    assert "different runs" in str(read_jobs(tmp_path)[0].problem)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda f: (f / "1" / "metrics.json").unlink(), "shard 1 of 2: left no metrics.json"),
        (lambda f: shutil.rmtree(f / "1"), "shard 1 of 2: not there"),
        (
            lambda f: (f / "1" / "status.json").write_text('{"status": "failed", "error": "x"}'),
            "shard 1 of 2: failed: x",
        ),
        (lambda f: (f / "1" / STATES).write_bytes(b"cut"), "run that job again"),
        (lambda f: (f / "1" / "shard.json").unlink(), "shard.json is missing"),
    ],
    ids=["no numbers", "not started", "failed", "damaged", "no notes"],
)
def test_an_incomplete_configuration_has_no_numbers_and_says_why(
    damage: Callable[[Path], object], said: str, halves: Path, tmp_path: Path
) -> None:
    job = broken(halves, tmp_path, damage)
    assert said in str(job.problem)
    assert not job.metrics
    assert all(isinstance(cell, Missing) for cell in sweep_table(tmp_path).rows[0].cells)


@pytest.mark.parametrize(
    ("samples", "batch", "shards"),
    [(2000, 64, 8), (2000, 50, 8), (40, 5, 8), (50_000, 64, 7), (1, 1, 1), (129, 64, 3)],
)
def test_shares_cover_all_samples_once_in_whole_batches(
    samples: int, batch: int, shards: int
) -> None:
    shares = [Share.of(samples, batch, shard, shards) for shard in range(shards)]
    assert [s.first for s in shares] == [0, *(s.past for s in shares[:-1])]
    assert shares[-1].past == samples
    assert all(s.first % batch == 0 and len(s) > 0 for s in shares)
    assert max(map(len, shares)) - min(map(len, shares)) < 2 * batch
    whole = {past for _, past in Share.of(samples, batch).pieces(batch)}
    for share in shares:
        pieces = list(share.pieces(batch))
        assert [share.first, *(past for _, past in pieces)] == [
            *(first for first, _ in pieces), share.past,
        ]  # fmt: skip
        assert all(first % batch == 0 for first, _ in pieces)
        assert {past for _, past in pieces} <= whole | {share.past}


def test_a_batch_that_divides_them_makes_shards_equal() -> None:
    assert {len(Share.of(2000, 50, shard, 8)) for shard in range(8)} == {250}


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["samples=40", "shards=8"], r"batch=5 or shards=1\."),
        (["samples=3", "batch=1", "shards=8"], r"give shards=3\."),
        (["shards=4", "shard=4"], r"numbered 0 to 3; -m shards=4 'shard=range\(4\)'"),
        (["shards=0"], "shards=0"),
        (["shards=2", "shard=-1"], "shard=-1"),
        (["shards=2", "codes=inversion", "codes.images=."], "codes=inversion"),
    ],
)
def test_shares_that_cannot_be_dealt_are_refused(overrides: list[str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        check(configured(*overrides))
