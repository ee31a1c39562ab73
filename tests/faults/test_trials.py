"""A handful of faults of every kind, on a program that takes no time."""

import json
from pathlib import Path
from random import Random

import pytest

from pipeline.errors import UserError
from pipeline.faults import bench as benches
from pipeline.faults import commands, report
from pipeline.faults.bench import Bench, Place, Setting
from pipeline.faults.commands import Command
from pipeline.faults.kinds import damage
from pipeline.faults.trials import KINDS, LOST, RESUMED, WRONG, Trial, kinds_of, trial, trials

PROGRAM = Path(__file__).parent / "program.py"
SETTING = Setting("three", (), program=PROGRAM)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    patch = pytest.MonkeyPatch()
    patch.setattr(commands, "LOADED", ["safetensors.numpy", "pipeline.entry", "pipeline.store"])
    made = Bench(tmp_path_factory.mktemp("faults"), (SETTING,))
    Command(["--nothing"], made.folder / "first.txt", program=PROGRAM).wait(60)
    made.measure(SETTING)
    patch.undo()
    return made


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_strikes_and_nothing_is_wrong_or_lost(name: str, bench: Bench) -> None:
    if (why := KINDS[name].missing()) is not None:
        pytest.skip(why)
    found = [trial(bench, KINDS[name], number, seed=5) for number in range(500, 503)]
    assert [t.notes for t in found if not t.fine] == []
    assert any(not t.missed for t in found)
    assert all(t.identical for t in found)
    assert not list(bench.folder.glob("trial-05*"))  # what is fine is tidied up


def test_a_program_that_gives_other_numbers_is_found_out(bench: Bench, tmp_path: Path) -> None:
    other = Bench(tmp_path, (Setting("three", ("wrong=1e-6",), program=PROGRAM),))
    other.wanted, other.seconds = bench.wanted, bench.seconds
    (tmp_path / "undisturbed-three" / "store").mkdir(parents=True)
    found = trial(other, KINDS["writers"], 0, seed=0)
    assert found.verdict == WRONG
    assert "/numbers/sums/0" in found.notes[0]
    assert (tmp_path / "trial-0000").exists()  # kept, to be looked at


def test_a_program_that_never_works_is_lost(bench: Bench, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import sys\nprint('error: never')\nsys.exit(2)\n")
    other = Bench(tmp_path, (Setting("three", (), program=broken),))
    other.wanted, other.seconds = bench.wanted, bench.seconds
    (tmp_path / "undisturbed-three" / "store").mkdir(parents=True)
    found = trial(other, KINDS["writers"], 0, seed=0)
    assert (found.verdict, found.again, found.traceback) == (LOST, 6, False)
    assert "error: never" in found.notes[0]
    with pytest.raises(RuntimeError, match="undisturbed three fails"):
        Bench(tmp_path / "new", other.settings).measure(other.settings[0])


def test_a_command_that_hangs_is_ended(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging = tmp_path / "hanging.py"
    hanging.write_text("import time\nprint('here', flush=True)\ntime.sleep(600)\n")
    monkeypatch.setattr(benches, "PATIENCE", 1.0)
    place = Place.under(tmp_path / "place", Setting("hangs", (), program=hanging))
    ended = place.run()
    assert ended.code is None
    assert ended.printed.strip() in ("here", "")


def test_faults_that_come_too_late_do_not_count(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = iter([True, False, True, False])
    monkeypatch.setattr(
        "pipeline.faults.trials.trial",
        lambda _bench, kind, number, _seed: Trial(number, kind.name, "three", missed=next(late)),
    )
    found = list(trials(bench, kinds_of(["kill", "corrupt"]), 2, 0))
    assert [t.missed for t in found] == [True, False, True, False]
    assert [t.kind for t in found] == ["kill", "corrupt", "kill", "corrupt"]
    assert list(trials(bench, kinds_of(["kill"]), 2, 0, found)) == []  # a session that had ended


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UserError, match="Did you mean kind=kill"):
        kinds_of(["kil"])


def test_damage_follows_from_the_seed(tmp_path: Path) -> None:
    ways = set()
    for number in range(40):
        spoilt = []
        for name in ("a", "b"):
            file = tmp_path / name
            file.write_bytes(bytes(range(200)))
            how = damage(file, Random(number)).split()[1]
            spoilt.append((how, file.read_bytes() if file.exists() else None))
        assert spoilt[0] == spoilt[1]
        ways.add(spoilt[0][0])
    assert ways == {"cut", "flipped", "removed", "emptied", "overwritten", "lengthened"}
    assert damage(tmp_path / "none", Random(0)) == "none was gone"


def test_the_report_counts_by_kind(tmp_path: Path) -> None:
    done = [
        Trial(0, "kill", "job", "killed after 1.00 s", verdict=RESUMED, again=1),
        Trial(1, "full", "job", "1 of 2 kB", traceback=True, notes=["Traceback ..."]),
        Trial(2, "kill", "sweep", "killed after 9.00 s", missed=True),
        Trial(3, "full", "job", "2 of 2 kB", verdict=WRONG, notes=["/metrics: 1, not 2"]),
    ]
    kill, full, all_of_it = report.rows(done)
    assert (kill["faults"], kill["resumed"], kill["too late"], kill["wrong"]) == (1, 1, 1, 0)
    assert (full["faults"], full["ended alone"], full["wrong"], full["traceback"]) == (2, 1, 1, 1)
    assert (all_of_it["faults"], all_of_it["lost"]) == (3, 0)
    text = report.text(done).splitlines()
    assert text[0].split()[-3:] == ["traceback", "too", "late"]
    assert len(text) == 6 and "1, not 2" in text[-1]
    report.write(done, 7, {"read-only": "no root"}, tmp_path / "faults.json")
    data = json.loads((tmp_path / "faults.json").read_text())
    assert (data["seed"], data["faults"], data["fine"]) == (7, 3, False)
    assert data["trials"][0]["what"] == "killed after 1.00 s"
    assert report.read(tmp_path / "faults.json", 7) == done
    assert report.read(tmp_path / "faults.json", 8) == report.read(tmp_path / "none", 7) == []
