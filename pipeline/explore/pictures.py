"""The pictures to edit: samples of a generator, and photographs that it draws."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.generators.base import Codes, Space
from pipeline.runner import Result, Runner
from pipeline.stages.inputs import Sampling

SAMPLES = 256  # codes to look at: those that a run with its defaults measures
PHOTOGRAPH = "photograph "


@dataclass(frozen=True, eq=False)
class Photograph:
    """A picture of the user's own, as a generator draws it.

    Attributes:
        name: of its file.
        generator: fingerprint of the generator.
        code: its code, one of w+.
        likeness: how well it is reproduced, by metric.
    """

    name: str
    generator: str
    code: Codes
    likeness: Mapping[str, float]


@dataclass
class Pictures:
    """Pictures by name: the number of a sample, or ``photograph 0`` and so on.

    Attributes:
        runner: keeps the samples.
        seed: of the samples, as of a run.
        photographs: those that have been opened.
    """

    runner: Runner
    seed: int
    photographs: list[Photograph] = field(default_factory=list)
    _samples: dict[str, Result[Codes]] = field(default_factory=dict)
    _last: tuple[tuple[str, str], Tensor] | None = None

    def samples(self, e: Experiment) -> Result[Codes]:
        """The samples of a generator, the same as those of runs with the same seed."""
        known = f"{e.generator.fingerprint} {e.generator.sampling}"
        if known not in self._samples:
            count = min(SAMPLES, e.generator.population or SAMPLES)
            stage = Sampling(e.generator, count, self.seed, "evaluate")
            self._samples[known] = self.runner.run(stage)
        return self._samples[known]

    def add(self, photograph: Photograph) -> str:
        """Keep a photograph; its name as a picture."""
        self.photographs.append(photograph)
        return f"{PHOTOGRAPH}{len(self.photographs) - 1}"

    def code(self, e: Experiment, picture: str) -> Codes:
        """The code of a picture.

        Raises:
            UserError: this generator has no such picture.
        """
        number = picture.removeprefix(PHOTOGRAPH)
        if not number.isdecimal():
            raise UserError(f"Picture '{picture}': give the number of a sample.")
        if picture.startswith(PHOTOGRAPH):
            return self._photographed(e, int(number))
        codes = self.samples(e).value
        if int(number) >= len(codes):
            raise UserError(f"Picture {picture}: there are 0 to {len(codes) - 1}.")
        return codes[int(number) : int(number) + 1]

    def codes(self, e: Experiment, pictures: Sequence[str]) -> Codes:
        """The codes of several pictures, in w+ where photographs are among samples.

        Raises:
            UserError: see :meth:`code`.
        """
        each = [self.code(e, picture) for picture in pictures]
        if len({code.space for code in each}) > 1:
            each = [e.generator.convert(code, Space.W_PLUS) for code in each]
        labels = [code.labels for code in each if code.labels is not None]
        values = torch.cat([code.values for code in each])
        return Codes(each[0].space, values, torch.cat(labels) if labels else None)

    def original(self, e: Experiment, picture: str) -> Tensor:
        """A picture as it is, ``[1, 3, H, W]`` in [-1, 1]; the last one is remembered."""
        known, last = (e.generator.fingerprint, picture), self._last
        if last is None or last[0] != known:
            last = self._last = (known, self.originals(e, [picture]))
        return last[1]

    def originals(self, e: Experiment, pictures: Sequence[str]) -> Tensor:
        """Pictures as they are, ``[n, 3, H, W]`` in [-1, 1]."""
        with torch.inference_mode():
            return e.generator.render(self.codes(e, pictures)).clamp(-1, 1)

    def _photographed(self, e: Experiment, number: int) -> Codes:
        if number >= len(self.photographs):
            raise UserError(f"{PHOTOGRAPH}{number} has not been opened: open it first.")
        known = self.photographs[number]
        if known.generator != e.generator.fingerprint:
            raise UserError(f"{known.name} was opened with another generator: open it again.")
        return known.code
