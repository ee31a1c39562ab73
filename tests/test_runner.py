"""The runner with stages that count how often they are computed."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pipeline.records import MetricsLog, read_metrics
from pipeline.runner import Runner
from pipeline.stages.base import Progress, Stage
from pipeline.store import Store


@dataclass
class Doubling(Stage[int]):
    number: int
    calls: list[int] = field(default_factory=list)
    fails: bool = False
    name = "double"

    def settings(self) -> Mapping[str, Any]:
        return {"number": self.number}

    def compute(self, progress: Progress) -> int:
        self.calls.append(self.number)
        progress(1, 1)
        if self.fails:
            raise KeyboardInterrupt
        return 2 * self.number

    def save(self, result: int, folder: Path) -> None:
        (folder / "number.json").write_text(json.dumps(result))

    def load(self, folder: Path) -> int:
        return int(json.loads((folder / "number.json").read_text()))


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    with MetricsLog(tmp_path / "metrics.jsonl") as record:
        yield Runner(Store(tmp_path / "store"), record)


def test_a_stage_is_computed_once(runner: Runner) -> None:
    stage = Doubling(3)
    assert runner.run(stage).value == 6
    assert runner.run(stage).value == 6
    assert stage.calls == [3]


def test_other_settings_or_other_inputs_are_computed_anew(runner: Runner) -> None:
    keys = {
        runner.run(Doubling(3)).key,
        runner.run(Doubling(4)).key,
        runner.run(Doubling(3), ["upstream"]).key,
    }
    assert len(keys) == 3


def test_another_version_is_computed_anew(runner: Runner) -> None:
    first = runner.run(Doubling(3))
    newer = Doubling(3)
    newer.version = 2
    assert runner.run(newer).key != first.key
    assert newer.calls == [3]


def test_an_interrupted_stage_leaves_nothing_and_is_computed_again(runner: Runner) -> None:
    with pytest.raises(KeyboardInterrupt):
        runner.run(Doubling(5, fails=True))
    again = Doubling(5)
    assert runner.run(again).value == 10
    assert again.calls == [5]


def test_times_and_record_say_what_came_from_the_store(runner: Runner) -> None:
    runner.run(Doubling(1))
    assert not runner.times["double"].cached
    other = Runner(runner.store, runner.record)
    other.run(Doubling(1))
    assert other.times["double"].cached
    lines = read_metrics(runner.record.path)
    assert [line["from_store"] for line in lines] == [False, True]
    assert [line["stage"] for line in lines] == ["double", "double"]


def test_a_damaged_entry_is_computed_again(
    runner: Runner, caplog: pytest.LogCaptureFixture
) -> None:
    result = runner.run(Doubling(7))
    file = runner.store.root / "double" / result.key / "number.json"
    file.write_text("1")
    again = Doubling(7)
    assert runner.run(again).value == 14
    assert again.calls == [7]
    assert "damaged" in caplog.text
