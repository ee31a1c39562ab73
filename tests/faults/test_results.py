"""What counts as the same result."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pipeline.faults.results import difference, identical, results


def job(folder: Path, value: float, seconds: float, array: float = 1.0) -> None:
    folder.mkdir(parents=True)
    numbers = {"metrics": {"mse": {"value": value, "n": 3}}, "timings": {"edit": seconds}}
    (folder / "metrics.json").write_text(json.dumps(numbers))
    save_file({"direction": torch.tensor([array, 2.0])}, folder / "edits.safetensors")


def test_seconds_and_rounding_are_no_difference(tmp_path: Path) -> None:
    job(tmp_path / "a" / "0", 0.5, 1.0)
    job(tmp_path / "b" / "0", 0.5 * (1 + 1e-12), 7.0, 1 + 2**-23)
    a, b = results(tmp_path / "a"), results(tmp_path / "b")
    assert list(a) == ["0"]
    assert difference(b, a) is None
    assert not identical(b, a) and identical(a, a)


@pytest.mark.parametrize(
    ("value", "array", "where"),
    [(0.5001, 1.0, "/0/numbers/metrics/mse/value"), (0.5, 1.1, "/0/edits/direction")],
)
def test_a_difference_is_named(tmp_path: Path, value: float, array: float, where: str) -> None:
    job(tmp_path / "a" / "0", 0.5, 1.0)
    job(tmp_path / "b" / "0", value, 1.0, array)
    found = difference(results(tmp_path / "b"), results(tmp_path / "a"))
    assert found is not None and found.startswith(where)


def test_missing_jobs_and_damaged_files(tmp_path: Path) -> None:
    job(tmp_path / "a" / "0", 0.5, 1.0)
    wanted = results(tmp_path / "a")
    assert difference({}, wanted) == ":  instead of 0"
    assert difference([1], [1, 2]) == ": another number of entries"
    (tmp_path / "a" / "0" / "metrics.json").write_text("{")
    with pytest.raises(ValueError, match="a/0"):
        results(tmp_path / "a")
