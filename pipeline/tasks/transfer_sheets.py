"""Sheets of transferred parts (Editing in Style, Figures 3, 5 and 6, and Appendix B)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import torch
from omegaconf import DictConfig
from PIL import Image
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.experiment import Experiment
from pipeline.generators.base import Codes, Generator
from pipeline.metrics.colour import Lab, lab_error, to_unit
from pipeline.report.maps import heat_picture
from pipeline.report.numbers import format_number
from pipeline.report.sheets import contact_sheet
from pipeline.runner import Runner
from pipeline.stages.inputs import Sampling
from pipeline.tasks.base import Findings, Task
from pipeline.tasks.transfer_ways import ClusterMasks, Way, Ways, require_editing_in_style

LEAST = {Lab.CORRECT: 0.01, Lab.REFERENCE: 0.01 / 255**2}  # no scale ends below: nobody sees less


class Layout(StrEnum):
    """``references``: a sheet per target, parts down, references across (Figure 3).

    ``ways``: a sheet per part, pairs down, ways across (Figure 5).
    """

    REFERENCES = "references"
    WAYS = "ways"


@dataclass(frozen=True, eq=False)
class Scene:
    """Target and reference images, each with its codes."""

    generator: Generator
    targets: Codes
    references: Codes
    target_images: Tensor
    reference_images: Tensor


@dataclass
class TransferSheets(Task):
    """Pictures of parts taken from references, or of the errors against the targets.

    Args:
        ways: settings by way, see :class:`~pipeline.tasks.transfer_ways.Way`; the layout
            ``references`` takes one.
        parts: labels of the catalog; one that it lacks is left out, and said to be.
        targets: how many.
        references: how many; the layout ``ways`` has as many as targets.
        layout: see :class:`Layout`.
        errors: show squared CIELAB errors instead of images.
        lab: which CIELAB.
    """

    ways: Mapping[str, Sequence[float]]
    parts: Sequence[str] = ("eyes", "nose", "mouth", "hair")
    targets: int = 3
    references: int = 5
    layout: Layout = Layout.REFERENCES
    errors: bool = False
    lab: Lab = Lab.CORRECT
    name: str = "transfer_sheets"
    _columns: list[tuple[Way, float]] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        for name, settings in self.ways.items():
            if name not in tuple(Way):
                raise unknown_name("way", name, Way)
            self._columns += [(Way(name), float(setting)) for setting in settings]
        if self.layout not in tuple(Layout):
            raise unknown_name("task.layout", self.layout, Layout)
        if self.lab not in tuple(Lab):
            raise unknown_name("task.lab", self.lab, Lab)
        self.layout, self.lab = Layout(self.layout), Lab(self.lab)
        if self.layout == Layout.REFERENCES and len(self._columns) != 1:
            raise UserError(
                f"task.ways={dict(self.ways)}: a sheet with references across shows one way with "
                "one setting; give that, or task.layout=ways."
            )
        if min(self.targets, self.references) < 1:
            raise UserError("task.targets and task.references are at least 1.")

    def check(self, experiment: Experiment) -> None:
        """Refuse another method."""
        require_editing_in_style(experiment)

    @torch.inference_mode()
    def run(self, experiment: Experiment, config: DictConfig, runner: Runner) -> Findings:
        """Render every combination and lay them out; nothing is measured."""
        ways = Ways.of(experiment, config.seed, runner)
        scene = self._scene(experiment.generator, config.seed, runner)
        parts = [part for part in self.parts if part in ways.catalog.labels]
        details = {
            "layer": ways.catalog.layer,
            "clusters": ways.catalog.count,
            "absent": ways.absent(self.parts),
            "lab": self.lab,
        }
        across = self.layout == Layout.REFERENCES
        sheets = (self._by_target if across else self._by_part)(ways, scene, parts)
        return Findings({}, details, dict(sheets))

    def _scene(self, generator: Generator, seed: int, runner: Runner) -> Scene:
        across = self.layout == Layout.REFERENCES
        count = self.targets + (self.references if across else self.targets)
        codes = runner.run(Sampling(generator, count, seed, "sheets")).value
        targets, references = codes[: self.targets], codes[self.targets :]
        images = [generator.render(c).clamp(-1, 1) for c in (targets, references)]
        return Scene(generator, targets, references, *images)

    def _by_target(
        self, ways: Ways, scene: Scene, parts: Sequence[str]
    ) -> Iterator[tuple[str, Image.Image]]:
        """References across, above them what they look like; parts down."""
        way, setting = self._columns[0]
        count = len(scene.references)
        for number in range(len(scene.targets)):
            target, original = scene.targets[number : number + 1], scene.target_images[number]
            several = target[torch.zeros(count, dtype=torch.long)]
            rows = {}
            for part in parts:
                edit, strength = ways.edit(way, part, setting)
                rows[part] = edit.apply(scene.generator, several, strength, scene.references)
            shown, scale = self._shown(list(rows.values()), original)
            drawn = [[None, *scene.reference_images]]
            drawn += [[original, *row] for row in shown]
            heads = ["target", *(f"reference {i + 1}" for i in range(count))]
            title = f"target {number + 1}: {_told(way, setting)}{scale}"
            yield f"target_{number + 1}", contact_sheet(drawn, heads, ["", *parts], title)

    def _by_part(
        self, ways: Ways, scene: Scene, parts: Sequence[str]
    ) -> Iterator[tuple[str, Image.Image]]:
        """Ways across; pairs of target and reference down."""
        masks = ClusterMasks(ways.catalog).find(scene.generator, scene.targets, parts)
        heads = ["target", "its mask", "reference", *(_told(w, s) for w, s in self._columns)]
        for part in parts:
            columns = []
            for way, setting in self._columns:
                edit, strength = ways.edit(way, part, setting)
                columns.append(
                    edit.apply(scene.generator, scene.targets, strength, scene.references)
                )
            edited = torch.stack(columns, 1).clamp(-1, 1)
            shown, scale = self._shown(list(edited), scene.target_images)
            lit = scene.target_images * masks[part][:, None] + masks[part][:, None] - 1
            rows = [
                [scene.target_images[i], lit[i], scene.reference_images[i], *shown[i]]
                for i in range(len(scene.targets))
            ]
            labels = [f"pair {i + 1}" for i in range(len(rows))]
            yield part, contact_sheet(rows, heads, labels, f"{part}{scale}")

    def _shown(self, rows: Sequence[Tensor], originals: Tensor) -> tuple[list[Tensor], str]:
        """Rows of images as they are, or of their errors on one scale, and what that is."""
        if not self.errors:
            return [row.clamp(-1, 1) for row in rows], ""
        before = originals if originals.ndim == 4 else originals.expand(len(rows), -1, -1, -1)
        errors = [
            lab_error(to_unit(row), to_unit(image).expand(row.shape), self.lab)
            for row, image in zip(rows, before, strict=True)
        ]
        high = max([LEAST[self.lab], *(float(e.max()) for e in errors)])
        draw: Callable[[Tensor], Tensor] = lambda error: heat_picture(error, high)  # noqa: E731
        told = f", squared CIELAB error, 0 to {format_number(high, 3)}"
        return [torch.stack([draw(e) for e in row]) for row in errors], told


def _told(way: Way, setting: float) -> str:
    """A way and its setting in what fits over a picture."""
    match way:
        case Way.FEATURE_BLENDING:
            return f"features, {setting:g} px"
        case Way.POISSON_BLENDING:
            return f"Poisson, {setting:g}"
        case _:
            return f"{way}, {setting:g}"
