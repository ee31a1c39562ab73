"""What the page does, without a page: one person's directions, pictures, numbers and names."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from omegaconf import DictConfig
from torch import Tensor

from pipeline.disk import Place
from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.explore.found import Found, find
from pipeline.explore.pictures import Photograph, Pictures
from pipeline.explore.rendering import Choice, Measured, Rendered, measured, rendered, strip
from pipeline.explore.wish import Wish, composed
from pipeline.generators.base import Codes, Generator
from pipeline.named_edits import CONF as NAMES
from pipeline.named_edits import FOLDER as NAMED
from pipeline.named_edits import name_edit
from pipeline.records import MetricsLog
from pipeline.runner import Runner
from pipeline.stages.base import generator_settings
from pipeline.stages.inversion import Inverting
from pipeline.standardising import standardise
from pipeline.store import Store

KEPT = 24  # findings that are remembered
ANY = ("method=poisson_blending", "region=whole")  # what every generator can do
QUIET = ("metric.fid=none", "logger=none")


class Session:
    """One person at work; calls come one at a time.

    Pictures go by name, see :class:`~pipeline.explore.pictures.Pictures`.
    """

    def __init__(
        self,
        store: Path,
        folder: Path,
        seed: int = 0,
        threads: int = 2,
        overrides: Sequence[str] = (),
        names: Path = NAMES,
        named: Path = NAMED,
    ) -> None:
        """Begin with nothing.

        Args:
            store: of the results, shared with runs.
            folder: for photographs, catalogs and edits that get a name.
            seed: of the samples and of what methods draw.
            threads: of the CPU.
            overrides: further ones, of every configuration.
            names: folder of the configurations of named edits.
            named: folder of the edits themselves.

        Raises:
            UserError: the folder cannot be written.
        """
        self.folder, self.names, self.named = folder, names, named
        own = (f"seed={seed}", f"threads={threads}", f"store={quoted(store)}")
        self.overrides = (*QUIET, *own, *overrides)
        self._log = MetricsLog(folder / "stages.jsonl")
        self.runner = Runner(Store(store), self._log)
        self.pictures = Pictures(self.runner, seed)
        self._found: dict[int, Found] = {}
        self._generators: dict[str, Generator] = {}
        self._opened: dict[tuple[str, ...], Experiment] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._log.close()

    def open(self, generator: str, options: Sequence[str] = ()) -> Experiment:
        """A generator, and what is known about its pictures.

        Raises:
            UserError: there is none of the name, or its weights are not here.
        """
        wanted = (f"generator={generator}", *ANY, *options)
        if wanted not in self._opened:
            self._opened[wanted] = self.experiment(wanted)[0]
        return self._opened[wanted]

    def experiment(self, overrides: Sequence[str]) -> tuple[Experiment, DictConfig]:
        """The parts of a configuration; a generator that is here already is not kept twice.

        Raises:
            UserError: the configuration has a mistake, or its parts do not fit.
        """
        config = composed([*self.overrides, *overrides])
        e = Experiment.of(config)
        weights = str(generator_settings(e.generator) | dict(e.generator.sampling))
        e = replace(e, generator=self._generators.setdefault(weights, e.generator))
        standardise(e.domain, e.generator, self.runner)
        return e, config

    def discover(self, wish: Wish) -> int:
        """Find edits; the number that they are asked for by from then on.

        Raises:
            UserError: the wish is impossible; says what would do.
        """
        e, config = self.experiment(wish.overrides())
        codes = self.pictures.samples(e).value
        number = max(self._found, default=-1) + 1
        self._found[number] = find(wish, e, config, codes, self.runner)
        for old in list(self._found)[:-KEPT]:
            del self._found[old]
        return number

    def calibrate(self, number: int) -> None:
        """Find out what the directions do; from then on strengths are changes of attributes."""
        self.found(number).calibrate(self.runner)

    def found(self, number: int) -> Found:
        """What was found.

        Raises:
            UserError: it is not remembered.
        """
        if number not in self._found:
            raise UserError("These directions are no longer remembered: find them again.")
        return self._found[number]

    def render(
        self, number: int, choice: Choice, picture: str, reference: str | None = None
    ) -> Rendered:
        """One picture, edited.

        Args:
            number: of what was found.
            choice: which of the edits, and how far.
            picture: its name.
            reference: the picture to take from, where the edit takes from one; None is the sample
                after it.

        Raises:
            UserError: one of them is unknown.
        """
        found = self.found(number)
        e = found.experiment
        original = self.pictures.original(e, picture)
        taken = self._references(found, [picture], reference)
        code = self.pictures.code(e, picture)
        return rendered(found, choice, code, original, taken, self.runner)

    def strip(
        self,
        number: int,
        choice: Choice,
        strengths: Sequence[float],
        pictures: Sequence[str],
        reference: str | None = None,
    ) -> Tensor:
        """Pictures over strengths, ``[n, len(strengths), 3, H, W]``; see :meth:`render`."""
        found = self.found(number)
        codes = self.pictures.codes(found.experiment, pictures)
        taken = self._references(found, pictures, reference)
        return strip(found, choice, strengths, codes, taken, self.runner)

    def measure(self, number: int, choice: Choice, count: int = 64) -> Measured:
        """What an edit does to the first samples, in numbers.

        Raises:
            UserError: see :meth:`render`, or there are not so many samples.
        """
        found = self.found(number)
        drawn = self.pictures.samples(found.experiment)
        if not 2 <= count <= len(drawn.value):
            raise UserError(f"n={count}: measure 2 to {len(drawn.value)} samples.")
        taken = self._references(found, [str(i) for i in range(count)], None)
        return measured(found, choice, drawn.value[:count], taken, self.runner, [drawn.key])

    def photograph(
        self, generator: str, name: str, content: bytes, options: Sequence[str] = ()
    ) -> str:
        """Find the code of a photograph; the name that it has as a picture.

        Args:
            generator: that shall draw it.
            name: of its file.
            content: of its file.
            options: further overrides, e.g. ``codes.steps=100``.

        Raises:
            UserError: it is no picture, or none that the generator could draw.
        """
        digest = hashlib.sha256(content).hexdigest()[:12]
        file = self.folder / f"photograph_{digest}{Path(name).suffix.lower()}"
        with Place("folder of the page", self.folder, "--out").writing():
            file.write_bytes(content)
        asks = ("codes=inversion", f"codes.images={quoted(file)}")
        e, config = self.experiment((f"generator={generator}", *ANY, *asks, *options))
        plan = e.inversion
        if plan is None:
            raise ValueError("codes=inversion has made no plan")
        judges, seed = e.judges, config.seed
        stage = Inverting(plan.photographs, e.generator, plan.how, plan.distance, judges, seed)
        found = self.runner.run(stage).value
        likeness = {metric: float(values[0]) for metric, values in found.quality.items()}
        fingerprint = e.generator.fingerprint
        return self.pictures.add(Photograph(Path(name).name, fingerprint, found.codes, likeness))

    def name(self, number: int, choice: Choice, name: str, what: str = "") -> Path:
        """Give an edit a name, under which runs take it as ``edit=NAME``; the file that says so.

        Raises:
            UserError: the name will not do or is taken, or a folder cannot be written.
        """
        found = self.found(number)
        edit = found.edit(choice.direction, choice.layers)
        run = self.folder / "named"
        replace(found.edits.value, edits=(edit,), extra={}).save(run / "edits.safetensors")
        return name_edit(run, 0, name, what, conf=self.names, edits=self.named)

    def _references(
        self, found: Found, pictures: Sequence[str], reference: str | None
    ) -> Codes | None:
        """What edits take from: one picture for all, or for each the sample after it."""
        if not found.takes:
            return None
        e = found.experiment
        if reference is not None:
            return self.pictures.code(e, reference)
        count = len(self.pictures.samples(e).value)
        after = [(int(p) + 1 if p.isdecimal() else 0) % count for p in pictures]
        return self.pictures.codes(e, [str(number) for number in after])


def quoted(path: Path) -> str:
    """A path as the value of an override."""
    text = str(path.absolute()).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"
