"""What a search over parameters is told of a job."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline import objective
from pipeline.errors import UserError
from pipeline.objective import achieved, check_objective, direction


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    metrics = {"ssim": {"value": 0.9}, "id": {"value": None}}
    (tmp_path / "metrics.json").write_text(json.dumps({"metrics": metrics}))
    return tmp_path


def sweeper(monkeypatch: pytest.MonkeyPatch, **settings: object) -> None:
    told = SimpleNamespace(sweeper=settings)
    monkeypatch.setattr(objective.HydraConfig, "get", lambda: told)


def test_a_job_gives_the_value_of_its_objective(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeper(monkeypatch)
    assert achieved("ssim", folder) == 0.9
    assert achieved("id", folder) is None
    assert achieved("mse_ratio", folder) is None
    assert achieved("ssim", folder / "nowhere") is None


def test_a_search_needs_a_value(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweeper(monkeypatch, direction="maximize")
    assert achieved("ssim", folder) == 0.9
    with pytest.raises(UserError, match="objective=id: it came out undefined"):
        achieved("id", folder)
    with pytest.raises(UserError, match=r"Unknown objective 'sim'\. Did you mean objective=ssim"):
        achieved("sim", folder)


def test_names_and_ways() -> None:
    check_objective("mse_ratio")
    with pytest.raises(UserError, match="Did you mean objective=mse_ratio"):
        check_objective("mse_rato")
    with pytest.raises(UserError, match="Unknown objective 'mse_in'"):
        check_objective("mse_in")
    assert (direction("ssim"), direction("fid")) == ("maximize", "minimize")
