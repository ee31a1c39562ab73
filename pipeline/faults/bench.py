"""Where faults are injected: small commands, what they give undisturbed, and folders to run in."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from pipeline.faults.commands import RUN, Command, Ended
from pipeline.faults.results import results
from pipeline.records import write_json

PATIENCE = 1800.0  # seconds, after which a command hangs
MOST_MISSING = 0.4  # least share of a finished store that a command finds, on average
SMALL = (
    "method=resefa", "samples=16", "strength=[1]", "dataset.reference_samples=64",
    "method.num_codes=1", "method.num_directions=1", "threads=1",
)  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """A command.

    Attributes:
        name: what it is called.
        arguments: of the program.
        key: configuration key of the folder that it leaves its results in.
        report: the last file that it leaves there.
        program: a Python script.
    """

    name: str
    arguments: tuple[str, ...]
    key: str = "hydra.run.dir"
    report: str = "report.html"
    program: Path = RUN


JOB = Setting("job", (*SMALL, "region=mouth"))
SWEEP = Setting("sweep", ("-m", *SMALL, "region=mouth,eyes"), "hydra.sweep.dir", "table.md")


@dataclass(frozen=True)
class Place:
    """Folders that a command runs in.

    Attributes:
        root: for what it prints.
        setting: the command.
        store: of the command.
        out: where its results go.
        further: more arguments.
        environment: variables that are set for it.
    """

    root: Path
    setting: Setting
    store: Path
    out: Path
    further: tuple[str, ...] = ("logger=none",)
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def under(cls, root: Path, setting: Setting) -> "Place":
        """Folders of its own below a root that is made."""
        root.mkdir(parents=True)
        return cls(root, setting, root / "store", root / "out")

    @property
    def arguments(self) -> list[str]:
        """The whole command line."""
        where = (f"store={self.store}", f"{self.setting.key}={self.out}")
        return [*self.setting.arguments, *where, *self.further]

    def start(self) -> Command:
        """Start the command."""
        printed = self.root / f"printed-{len(list(self.root.glob('printed-*')))}.txt"
        return Command(self.arguments, printed, self.environment, self.setting.program)

    def run(self) -> Ended:
        """Run the command to its end."""
        return self.start().wait(PATIENCE)


@dataclass
class Bench:
    """All trials of a session.

    Attributes:
        folder: everything lies in it.
        settings: the commands.
        wanted: per setting, what an undisturbed command leaves.
        seconds: per setting, what it takes from an empty store.
        pace: seconds that work takes now per second that it took undisturbed, roughly.
    """

    folder: Path
    settings: tuple[Setting, ...] = (JOB, SWEEP)
    wanted: dict[str, dict[str, Any]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    pace: float = 1.0

    def measure(self, setting: Setting) -> None:
        """Run a command undisturbed, unless an interrupted session in this folder has.

        Raises:
            RuntimeError: even so it fails.
        """
        root = self.folder / f"undisturbed-{setting.name}"
        noted = root / "seconds.json"
        if not noted.exists():
            shutil.rmtree(root, ignore_errors=True)
            ended = Place.under(root, setting).run()
            if ended.code != 0 or ended.traceback:
                raise RuntimeError(f"the undisturbed {setting.name} fails:\n{ended.printed}")
            write_json(noted, ended.seconds)
        self.wanted[setting.name] = results(root / "out")
        self.seconds[setting.name] = float(json.loads(noted.read_text()))

    def stored(self, setting: Setting) -> Path:
        """The store that an undisturbed command leaves."""
        return self.folder / f"undisturbed-{setting.name}" / "store"

    def size(self, setting: Setting, part: str) -> int:
        """Bytes of the ``store`` or the results (``out``) that an undisturbed command leaves."""
        folder = self.folder / f"undisturbed-{setting.name}" / part
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())

    def prefill(self, place: Place, random: Random) -> float:
        """Put a random part of a finished store into a place: as if runs had come so far.

        Returns:
            The seconds that the command takes from there, about.
        """
        share, left = random.uniform(MOST_MISSING, 1), self.seconds[place.setting.name]
        stored = self.stored(place.setting)
        for entry in sorted(file.parent for file in stored.glob("*/*/manifest.json")):
            if random.random() < share:
                shutil.copytree(entry, place.store / entry.relative_to(stored))
                left -= float(json.loads((entry / "manifest.json").read_text())["seconds"])
        return max(left, 0.0) * self.pace

    def learn(self, missed: bool) -> None:
        """Come sooner where a fault was too late: the machine has less to do than it had."""
        self.pace = max(0.02, 0.6 * self.pace) if missed else min(1.0, 1.15 * self.pace)

    def fill(self, place: Place) -> None:
        """Put all of a finished store into a place."""
        shutil.copytree(self.stored(place.setting), place.store)
