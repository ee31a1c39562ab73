"""The edit of Style Intervention: a displacement of the styles that is solved for every image."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.fingerprints import tensor_hash
from pipeline.methods.edits import Edit
from pipeline.methods.gram import Progress
from pipeline.methods.intervention import (
    Keep,
    Objective,
    Problem,
    Schedule,
    Solution,
    merged,
    solve,
)
from pipeline.methods.latents import shift
from pipeline.methods.reader import Reader
from pipeline.methods.restart import renderer
from pipeline.methods.target_parts import Target


@dataclass(frozen=True, eq=False, kw_only=True)
class InterventionEdit(Edit):
    """Style Intervention (Liu et al. 2020, Eq. 8): a step along every image's own displacement.

    A strength of 1 is the displacement as it was solved; others go along it in a straight line,
    which costs no more than rendering (Figure 5). The coefficients belong to the codes: they are
    solved when a code is first edited, unless they are remembered.

    Attributes:
        attribute: what it changes.
        latent: the latent edit at a strength of 1, in the shape of its space.
        space: z, or w for codes that have no z.
        normal: the step along the hyperplane's normal at a strength of 1, Delta s_n ``[s]``.
        parts: ids of the parts that it may change.
        margin: see :class:`Target`.
        objective: options of :class:`Objective`.
        schedule: options of :class:`Schedule`.
        mirror: negative strengths go back along the displacement of positive ones; else they have
            displacements of their own, solved for the opposite edit.
    """

    attribute: str
    latent: Tensor
    space: Space
    normal: Tensor
    parts: tuple[int, ...]
    margin: float
    objective: Mapping[str, Any]
    schedule: Mapping[str, Any]
    mirror: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "space", Space(self.space))
        object.__setattr__(self, "parts", tuple(self.parts))
        object.__setattr__(self, "_memory", {})
        object.__setattr__(self, "_reader", None)

    def see(self, reader: Reader) -> None:
        """See :meth:`Edit.see`: parts are found."""
        object.__setattr__(self, "_reader", reader)

    def render(
        self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
    ) -> Tensor:
        """Images of the styles moved by ``strength`` times their displacement."""
        styles = generator.convert(codes, Space.S)
        moves = torch.zeros_like(styles.values)
        for sense in (1, -1):
            rows = (strengths.detach() * sense > 0).nonzero()[:, 0]
            if len(rows):
                moves[rows] = sense * self.displacement(generator, codes[rows], sense)
        return generator.render(styles.with_values(styles.values + strengths[:, None] * moves))

    def displacement(self, generator: Generator, codes: Codes, sense: int = 1) -> Tensor:
        """Delta s_m of every code ``[n, s]``, for more (1) or less (-1) of the attribute."""
        sense, turned = (1, sense) if self.mirror else (sense, 1)
        coefficients = self.coefficients(generator, codes, sense)
        latent, normal = self.displacements(generator, codes, sense)
        return turned * merged(latent, normal, coefficients)

    def displacements(
        self, generator: Generator, codes: Codes, sense: int
    ) -> tuple[Tensor, Tensor]:
        """Delta s_z and Delta s_n of every code ``[n, s]``."""
        styles = generator.convert(codes, Space.S).values
        moved = shift(generator, codes, sense * self.latent.to(styles)[None], self.space)
        latent = generator.convert(moved, Space.S).values - styles
        return latent, (sense * self.normal.to(styles)).expand_as(styles)

    def coefficients(self, generator: Generator, codes: Codes, sense: int) -> Tensor:
        """Lambda of every code ``[n, s]``; what is not remembered is solved now."""
        names = [f"{sense}{name}" for name in code_names(codes)]
        memory: dict[str, Tensor] = self._memory  # type: ignore[attr-defined]
        new = [row for row, name in enumerate(names) if name not in memory]
        if new:
            few = codes[torch.tensor(new, device=codes.values.device)]
            self.remember(few, sense, self.solve(generator, few, sense).coefficients)
        return torch.stack([memory[name] for name in names]).to(codes.values)

    def remembers(self, codes: Codes, sense: int) -> bool:
        """Whether the coefficients of all these codes are known."""
        memory: dict[str, Tensor] = self._memory  # type: ignore[attr-defined]
        return all(f"{sense}{name}" in memory for name in code_names(codes))

    def remember(self, codes: Codes, sense: int, coefficients: Tensor) -> None:
        """Take the coefficients of codes ``[n, s]`` that were solved before."""
        memory: dict[str, Tensor] = self._memory  # type: ignore[attr-defined]
        for name, row in zip(code_names(codes), coefficients, strict=True):
            memory[f"{sense}{name}"] = row

    def solve(
        self,
        generator: Generator,
        codes: Codes,
        sense: int,
        keep: Keep = lambda _name, make: make(),
        progress: Progress | None = None,
    ) -> Solution:
        """The coefficients of codes and how they came about; see :func:`intervention.solve`.

        Raises:
            UserError: nothing here finds the parts of an image.
        """
        with torch.inference_mode(False):
            problem = self.problem(generator, codes, sense)
            fastest = renderer(generator, len(codes))
            return solve(problem, fastest, Schedule(**self.schedule), keep, progress)

    def problem(self, generator: Generator, codes: Codes, sense: int) -> Problem:
        """What is solved for some codes."""
        reader: Reader | None = self._reader  # type: ignore[attr-defined]
        parser = None if reader is None else reader.parser
        if parser is None:
            raise UserError(
                f"The edit {self.name} is solved for each image, and nothing here finds the parts "
                "of one: give it a reader first (InterventionEdit.see)."
            )
        with torch.no_grad():
            # Codes of an inference mode can take part in no optimisation; their copies can.
            own = codes.with_values(codes.values.clone())
            styles = generator.convert(own, Space.S).values
            images = generator.render(Codes(Space.S, styles))
            target = Target(self.parts, self.margin)
            outside = target.outside(parser.parse(images.clamp(-1, 1)), images.shape[-1]).to(images)
            latent, normal = self.displacements(generator, own, sense)
        return Problem(styles, latent, normal, images, outside, Objective(**self.objective))

    @property
    def digest(self) -> str:
        """Hash of everything that its coefficients depend on besides the codes and the parser."""
        told = json.dumps(self.settings(), sort_keys=True)
        return tensor_hash(self.arrays(), told)


def options_of(settings: Objective | Schedule) -> dict[str, Any]:
    """Settings as the JSON of an edit's file holds them."""
    return {name: getattr(value, "value", value) for name, value in asdict(settings).items()}


def code_names(codes: Codes) -> list[str]:
    """What tells codes apart: a hash of each one's numbers, and its label."""
    values = codes.values.detach().cpu().contiguous()
    names = [hashlib.sha256(row.numpy().tobytes()).hexdigest()[:32] for row in values]
    if codes.labels is None:
        return names
    labels = codes.labels.detach().cpu().contiguous()
    marks = [hashlib.sha256(label.numpy().tobytes()).hexdigest()[:8] for label in labels]
    return [f"{name}/{mark}" for name, mark in zip(names, marks, strict=True)]
