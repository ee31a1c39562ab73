"""The stage that seeks the latent shift which mimics an edit, and judges it on held-out codes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from pipeline.evaluators.base import PerceptualDistance, fingerprint_of
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.edits import Edit
from pipeline.methods.mimicry import (
    Distances,
    MimicryRecipe,
    drawn,
    judged,
    mimic,
    mover,
)
from pipeline.methods.reader import Predictor
from pipeline.stages.base import Progress, Stage, generator_settings, seeded


@dataclass(frozen=True, eq=False)
class Mimicked:
    """What was found.

    Attributes:
        shift: in the shape of the space.
        curve: the loss on the codes learned from; 1 is doing nothing.
        nothing: distances of the unedited images to the edited ones on held-out codes, by name.
        left: those of the mimicking images.
        wanted: change of every attribute by the edit ``[n, a]``, float64, in standard deviations.
        reached: change by the shift that mimics it.
    """

    shift: Tensor
    curve: Tensor
    nothing: Distances
    left: Distances
    wanted: Tensor
    reached: Tensor


@dataclass
class Mimicking(Stage[Mimicked]):
    """Mimics one edit at one step by a shift in one space.

    Attributes:
        edit: the edit; it has a key of its own.
        step: in its units.
        layer: the convolution whose input is moved, where the space is ``activations``.
        codes: to learn from.
        held_out: to be judged on.
        perceptual: the distance besides the squared error; None where there is none.
    """

    edit: Edit
    step: float
    generator: Generator
    space: Space
    layer: str
    codes: Codes
    held_out: Codes
    recipe: MimicryRecipe
    perceptual: PerceptualDistance | None
    predictor: Predictor
    seed: int
    name = "mimic"

    def settings(self) -> Mapping[str, Any]:
        """Edit, space, recipe, networks and seed; the codes have keys."""
        where = {"layer": self.layer} if self.space == Space.ACTIVATIONS else {}
        return {
            "edit": [self.edit.name, round(self.step, 12)],
            "generator": generator_settings(self.generator),
            "space": self.space.value,
            **where,
            "recipe": asdict(self.recipe),
            "perceptual": None if self.perceptual is None else fingerprint_of(self.perceptual),
            "predictor": fingerprint_of(self.predictor),
            "seed": self.seed,
        }

    def compute(self, progress: Progress) -> Mimicked:
        """Seek it, and judge it."""
        own = mover(self.generator, self.codes, self.space, self.layer)
        random = seeded(self.seed, self.name, self.space.value)
        found = mimic(
            own,
            self.codes,
            self.generator.render,
            self.edited,
            self.recipe,
            random,
            self.perceptual,
            progress,
        )
        shift = found.shift.to(own.scale)

        def mimicking(codes: Codes) -> Tensor:
            return own.render(codes, shift)

        seen = [self._read(how) for how in (self.generator.render, self.edited, mimicking)]
        return Mimicked(
            found.shift,
            found.curve,
            judged(self.generator.render, self.edited, self.held_out, self.perceptual),
            judged(mimicking, self.edited, self.held_out, self.perceptual),
            seen[1] - seen[0],
            seen[2] - seen[0],
        )

    def edited(self, codes: Codes) -> Tensor:
        """What is mimicked."""
        return self.edit.apply(self.generator, codes, self.step)

    @torch.no_grad()
    def _read(self, render: Any) -> Tensor:
        images = drawn(render, self.held_out).clamp(-1, 1)
        return self.predictor.standardised(images).double().cpu()

    def save(self, result: Mimicked, folder: Path) -> None:
        """One safetensors file."""
        tensors = {"shift": result.shift, "curve": result.curve}
        tensors |= {"wanted": result.wanted, "reached": result.reached}
        for side in ("nothing", "left"):
            tensors |= {f"{side}.{name}": v for name, v in getattr(result, side).items()}
        kept = {name: tensor.contiguous() for name, tensor in tensors.items()}
        save_file(kept, folder / "mimicry.safetensors")

    def load(self, folder: Path) -> Mimicked:
        """Read it, onto the CPU."""
        kept = load_file(folder / "mimicry.safetensors")
        both = [
            {k.removeprefix(f"{side}."): v for k, v in kept.items() if k.startswith(f"{side}.")}
            for side in ("nothing", "left")
        ]
        return Mimicked(
            kept["shift"], kept["curve"], both[0], both[1], kept["wanted"], kept["reached"]
        )
