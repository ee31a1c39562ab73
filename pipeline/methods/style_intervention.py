"""Style Intervention (Liu et al. 2020): a latent edit confined to a part by the styles' hyperplane.

What the paper leaves open is an option; the defaults say in their notes what they stand for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor

from pipeline.attributes import Change, calibrate
from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.edits import Edit, Edits
from pipeline.methods.gram import Progress
from pipeline.methods.hyperplanes import Fit, LabelledMethod, NormalEdit, Sampling, facts
from pipeline.methods.intervention import Objective, PixelLoss, Schedule
from pipeline.methods.intervention_edit import InterventionEdit, options_of
from pipeline.methods.labels import RENDERED_AT_ONCE
from pipeline.methods.latents import shift
from pipeline.methods.separation import Hyperplane
from pipeline.methods.style_channels import style_slices
from pipeline.methods.target_parts import target_parts
from pipeline.regions.region import Region

LATENTS = (Space.Z, Space.W)


class Match(StrEnum):
    """How long the normal's step is (k in Eq. 1), beside the latent edit's.

    ``logit``: both change the hyperplane's score alike, on average over codes. ``attribute``: both
    change the predicted attribute alike, as far as the normal changes it at all.
    """

    LOGIT = "logit"
    ATTRIBUTE = "attribute"


@dataclass
class StyleIntervention(LabelledMethod):
    """Style Intervention.

    Args:
        attribute: the attribute, by name.
        displacement: where the latent edit is made: z as the paper, or w, for codes without a z.
        reach: how far it moves the attribute at a strength of 1, in standard deviations.
        match: how long the normal's step is.
        num_codes: how many of the given codes both steps are measured on.
        num_samples: see :class:`Sampling`; likewise ``share`` and ``validation``.
        C: weight of the errors in the styles' hyperplane; None is the default, see :class:`Fit`.
        parts: the parts of attributes, where they differ from what the domain says.
        margin: pixels around a part that may change too, as a share of the image's height.
        pixel: form of Eq. 9.
        attribute_weight: of Eq. 10, the paper's; likewise ``norm_weight`` of the norm, which is
            not: see :class:`Objective`.
        steps: of Adam, at most, on every layer; likewise ``rate``, ``patience``, ``tolerance``: see
            :class:`Schedule`.
        mirror: see :class:`InterventionEdit`.
        calibration_codes: codes that the unit of its strength is measured on; each is solved.
        name: the name of the method.
    """

    attribute: str | None = None
    displacement: Space = Space.Z
    reach: float = 1.5
    match: Match = Match.LOGIT
    num_codes: int = 40
    num_samples: int = 10_000
    share: float = 0.05
    validation: float = 0.3
    C: float | None = None
    parts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    margin: float = 0.05
    pixel: PixelLoss = PixelLoss.MSE
    attribute_weight: float = 1e-2
    norm_weight: float = 1e-3
    steps: int = 20
    rate: float = 0.1
    patience: int = 8
    tolerance: float = 5e-4
    mirror: bool = False
    calibration_codes: int = 64
    name: str = "style_intervention"

    def __post_init__(self) -> None:
        for option, kind, allowed in (
            ("displacement", Space, LATENTS),
            ("match", Match, tuple(Match)),
        ):
            if getattr(self, option) not in allowed:
                raise unknown_name(option, getattr(self, option), allowed)
            setattr(self, option, kind(getattr(self, option)))
        for option in ("num_codes", "calibration_codes"):
            if getattr(self, option) < 2:
                raise UserError(f"{option}={getattr(self, option)} must be at least 2.")
        if self.reach <= 0 or not 0 <= self.margin < 0.5:
            raise UserError(
                f"reach={self.reach} must be positive and margin={self.margin} lie in 0..0.5."
            )
        self.parts = {str(name): tuple(value) for name, value in dict(self.parts).items()}
        self._sampling = Sampling(self.num_samples, self.share, self.validation)
        self._objective = Objective(self.pixel, self.attribute_weight, self.norm_weight)
        self._schedule = Schedule(self.steps, self.rate, self.patience, self.tolerance)
        self._fit = Fit(C=self.C)

    @property
    def space(self) -> Space:
        """The space that its codes must come in, or above."""
        return self.displacement

    @property
    def sampling(self) -> Sampling:
        """See :class:`LabelledMethod`."""
        return self._sampling

    @property
    def wanted(self) -> str | None:
        """See :class:`LabelledMethod`."""
        return self.attribute

    def networks(self) -> Mapping[str, object]:
        """The predictor and the parser."""
        return {**super().networks(), "parser": self.parser()}

    def check(self, generator: Generator, region: Region) -> None:
        """Refuse a generator without z or styles, or an attribute that belongs nowhere."""
        generator.require(Space.S, f"method={self.name}")
        generator.require(self.displacement, f"method={self.name}")
        style_slices(generator)
        self.networks()
        self._parts()

    def discover(
        self,
        generator: Generator,
        codes: Codes,
        region: Region,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Edits:
        """See :meth:`Method.discover`; the coefficients are solved when codes are edited."""
        self.check(generator, region)
        labels = self.labelled(generator, seed, progress)
        name, sampling = str(self.attribute), self._sampling
        latent = Fit().hyperplane(generator, labels, name, self.displacement, sampling, seed)
        styles = self._fit.hyperplane(generator, labels, name, Space.S, sampling, seed)
        codes = codes[: self.num_codes]
        with torch.no_grad():
            step, reached = self._latent_step(generator, codes, latent)
            length, notes = self._normal_length(generator, codes, step, styles)
        if progress is not None:
            progress(len(labels), len(labels))
        edit = InterventionEdit(
            name=f"{self.name}/{name}",
            generator=generator.name,
            fingerprint=generator.fingerprint,
            attribute=name,
            latent=step,
            space=self.displacement,
            normal=(length * styles.normal).to(step),
            parts=self._parts(),
            margin=self.margin,
            objective=options_of(self._objective),
            schedule=options_of(self._schedule),
            mirror=self.mirror,
        )
        if self.reader is not None:
            edit.see(self.reader)
        return self.found(
            (edit,),
            generator,
            region,
            seed,
            extra={"eigenvalues": torch.tensor([styles.validation], dtype=torch.float64)},
            notes={
                "options": asdict(self),
                "hyperplane": facts(styles),
                "latent_hyperplane": facts(latent),
                "latent_step": float(step.norm()),
                "latent_reached": reached,
                "normal_step": length,
                "labeller": labels.labeller,
                "samples": len(labels),
                "region": "not looked at",
                **notes,
            },
        )

    def _parts(self) -> tuple[int, ...]:
        parts = () if self.reader is None else self.reader.parts
        known = getattr(self.reader, "attribute_parts", {})
        return target_parts(str(self.attribute), self.parts, known, parts)

    def _latent_step(
        self, generator: Generator, codes: Codes, plane: Hyperplane
    ) -> tuple[Tensor, bool]:
        """The latent edit that moves the attribute by ``reach``, and whether it does."""
        edit = _along(generator, plane, self.displacement, codes)
        change = self._change(generator, edit, codes)
        column = self.predictor(self.attribute)[1]
        spread = edit.spread(generator, codes)
        unit = calibrate(change, spread, [column], [], self.reach)
        return unit.step * edit.direction, unit.reached

    def _normal_length(
        self, generator: Generator, codes: Codes, step: Tensor, plane: Hyperplane
    ) -> tuple[float, dict[str, Any]]:
        """The length of the step along the normal, k of Eq. 1, and what to note of it."""
        styles = generator.convert(codes, Space.S).values
        moved = generator.convert(shift(generator, codes, step[None], self.displacement), Space.S)
        latent = (moved.values - styles).double()
        notes = {"latent_norm": float(latent.norm(dim=1).mean())}
        if self.match == Match.LOGIT:
            return float((latent @ plane.normal.to(latent)).mean()), notes
        edit = _along(generator, plane, Space.S, codes)
        column = self.predictor(self.attribute)[1]
        change = self._change(generator, edit, codes)
        unit = calibrate(change, edit.spread(generator, codes), [column], [], self.reach)
        return unit.step, notes | {"normal_reached": unit.reached}

    def _change(self, generator: Generator, edit: Edit, codes: Codes) -> Change:
        """How attributes move along an edit, on average over codes."""
        predictor = self.predictor(self.attribute)[0]

        def read(step: float) -> Tensor:
            parts = [
                predictor.standardised(
                    edit.apply(generator, codes[i : i + RENDERED_AT_ONCE], step).clamp(-1, 1)
                )
                for i in range(0, len(codes), RENDERED_AT_ONCE)
            ]
            return torch.cat(parts).double().mean(0)

        start = read(0.0)
        return lambda step: read(step) - start


def _along(generator: Generator, plane: Hyperplane, space: Space, codes: Codes) -> NormalEdit:
    """The edit along a hyperplane's normal."""
    return NormalEdit(
        name="normal",
        generator=generator.name,
        fingerprint=generator.fingerprint,
        direction=plane.normal.to(codes.values),
        space=space,
    )
