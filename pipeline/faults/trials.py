"""Trials: a fault, the same command again until it ends, and what came of it."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any

from pipeline.errors import unknown_name
from pipeline.faults.bench import Bench, Place
from pipeline.faults.commands import KILLED, Ended
from pipeline.faults.disks import FullDisk, ReadOnly
from pipeline.faults.kinds import Corruption, Kill, Kind, Network, Writers
from pipeline.faults.results import difference, identical, results

KINDS: Mapping[str, Kind] = {
    kind.name: kind for kind in (Kill(), FullDisk(), ReadOnly(), Network(), Corruption(), Writers())
}
AGAIN = 3  # times that the same command is given again, at most
SWEEPS = 0.25  # share of the last setting in all trials
REFUSED = (1, 2)  # exit status of a command that says in a line what is wrong
ALONE, RESUMED, WRONG, LOST = "alone", "resumed", "wrong", "lost"


@dataclass
class Trial:
    """What came of a fault.

    Attributes:
        number: draws the fault, with the seed of the session.
        kind: of the fault.
        setting: the command, a job or a sweep.
        what: the fault in words.
        missed: whether it came after the command had ended.
        verdict: ``alone``: the command gave the right results in spite of it; ``resumed``: it did
            when it was given again; ``wrong``: results differ from the undisturbed ones; ``lost``:
            there are none after all, or the command ended in a way that it should not.
        again: how often a command was given again.
        traceback: whether the user saw one.
        identical: whether edits are the undisturbed ones to the last bit.
        seconds: of all commands.
        notes: whatever explains the verdict.
    """

    number: int
    kind: str
    setting: str
    what: str = ""
    missed: bool = False
    verdict: str = ALONE
    again: int = 0
    traceback: bool = False
    identical: bool = True
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def fine(self) -> bool:
        """Whether nothing was wrong or lost, nor fell upon the user."""
        return self.verdict in (ALONE, RESUMED) and not self.traceback

    def record(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


def kinds_of(names: Sequence[str]) -> list[Kind]:
    """Kinds of faults by name; all of them where none is named.

    Raises:
        UserError: there is no such kind.
    """
    for name in names:
        if name not in KINDS:
            raise unknown_name("kind", name, KINDS)
    return [KINDS[name] for name in names or KINDS]


def trials(
    bench: Bench, kinds: Sequence[Kind], count: int, seed: int, done: Sequence[Trial] = ()
) -> Iterator[Trial]:
    """Trials of all kinds in turns, until so many faults have struck.

    Args:
        bench: with undisturbed results of all settings.
        kinds: of faults.
        count: of faults that strike; those that come too late are told, and do not count.
        seed: of everything that is drawn.
        done: trials of an interrupted session, which count.
    """
    struck, number = sum(not t.missed for t in done), len(done)
    while struck < count:
        found = trial(bench, kinds[number % len(kinds)], number, seed)
        number, struck = number + 1, struck + (not found.missed)
        yield found


def trial(bench: Bench, kind: Kind, number: int, seed: int) -> Trial:
    """Inject one fault and see what the command makes of it; its folder stays unless all is fine.

    Args:
        bench: see :func:`trials`.
        kind: of the fault.
        number: of the trial.
        seed: of the session.
    """
    random = Random(f"{seed} {number}")
    setting = bench.settings[-1 if random.random() < SWEEPS else 0]
    root = bench.folder / f"trial-{number:04d}"
    shutil.rmtree(root, ignore_errors=True)  # of an interrupted session
    place = Place.under(root, setting)
    found = Trial(number, kind.name, setting.name)
    with kind.striking(bench, place, random) as struck:
        found.what, found.missed = struck.what, struck.missed
        for run, ended in struck.runs:
            _follow(bench, run, ended, found)
    if found.fine:
        shutil.rmtree(place.root, ignore_errors=True)
    return found


def _follow(bench: Bench, place: Place, ended: Ended, found: Trial) -> None:
    """Give a command again until it has ended well, and judge what it leaves."""
    _note(ended, found)
    again = 0
    while not _whole(place, ended) and again < AGAIN:
        again, ended = again + 1, place.run()
        _note(ended, found)
    found.again += again
    if not _whole(place, ended):
        _worst(found, LOST, f"{place.setting.name}: still fails: {_last(ended)}")
        return
    _judge(bench, place, found)
    if again:
        _worst(found, RESUMED)


def _whole(place: Place, ended: Ended) -> bool:
    """Whether a command has nothing left to do: a report may fail without costing the numbers."""
    return ended.code == 0 and (place.out / place.setting.report).exists()


def _note(ended: Ended, found: Trial) -> None:
    """What is wrong with the end of a command, whatever it left."""
    found.seconds += ended.seconds
    found.traceback |= ended.traceback
    if ended.traceback:
        found.notes.append(ended.printed[-3000:])
    if ended.code is None:
        _worst(found, LOST, "it hung, and was ended")
    elif ended.code not in (0, KILLED, *REFUSED):
        _worst(found, LOST, f"exit status {ended.code}: {_last(ended)}")


def _judge(bench: Bench, place: Place, found: Trial) -> None:
    """Compare with what an undisturbed command leaves."""
    wanted = bench.wanted[place.setting.name]
    try:
        left = results(place.out)
    except ValueError as error:
        _worst(found, WRONG, str(error))
        return
    if missing := [name for name in wanted if name not in left]:
        _worst(found, LOST, f"no results of {', '.join(missing)}")
    elif differs := difference(left, wanted):
        _worst(found, WRONG, f"{place.setting.name}{differs}")
    else:
        found.identical &= identical(left, wanted)


def _worst(found: Trial, verdict: str, note: str | None = None) -> None:
    order = (ALONE, RESUMED, LOST, WRONG)
    found.verdict = max(found.verdict, verdict, key=order.index)
    found.notes += [] if note is None else [note]


def _last(ended: Ended) -> str:
    lines = ended.printed.strip().splitlines()
    return lines[-1][:300] if lines else "it printed nothing"
