"""StyleFlow (Abdal et al. 2021): attributes edited by a conditional normalising flow of w."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.class_rows import Classes, as_classes, rows_of
from pipeline.methods.edits import Edits
from pipeline.methods.flow_training import FlowRecipe, FlowTraining, TrainedFlow
from pipeline.methods.gram import Progress
from pipeline.methods.hyperplanes import LabelledMethod, Sampling
from pipeline.methods.labels import Labels, values_in
from pipeline.methods.latents import LayerRange, as_layer_range, resolve_layers
from pipeline.methods.navigan import Preset, settled
from pipeline.methods.normalising_flow import FlowShape
from pipeline.methods.styleflow_edit import FlowEdit
from pipeline.regions.region import Region

EMBEDDED: Preset = {
    "hidden": (192, 192),
    "tolerance": 1e-3,
    "adjoint": False,
    "steps": 600,
    "batch": 128,
    "rate": 2e-3,
    "decay": True,
    "noise": 0.3,
}
PAPER: Preset = {
    "hidden": (512, 512, 512, 512, 512),
    "tolerance": 1e-5,
    "adjoint": True,
    "steps": 6000,  # three epochs of 10 000 pairs
    "batch": 5,
    "rate": 1e-3,
    "decay": False,
    "noise": 0.0,
}
PRESETS: dict[str, Preset] = {"embedded": EMBEDDED, "paper": PAPER}

PUBLISHED = "published"
PUBLISHED_LAYERS: Mapping[str, LayerRange] = {
    **dict.fromkeys(("gender", "male", "masculinity"), (0, 8)),
    **dict.fromkeys(("glasses", "eyeglasses"), (2, 4)),
    **dict.fromkeys(("yaw", "pitch"), (0, 4)),
    "bald": (0, 6),
    **dict.fromkeys(("beard", "no_beard"), (5, 10)),
    **dict.fromkeys(("age", "young"), (4, 8)),
    **dict.fromkeys(("expression", "smile", "smiling"), (4, 6)),
    **dict.fromkeys(("light", "light_x", "light_level"), (7, 12)),
}
"""The layers that the paper's edits of StyleGAN2 keep, counted from the coarsest (of 18)."""


@dataclass
class StyleFlow(LabelledMethod):
    """An attribute moved along a flow that knows the others (Sec. 4).

    Options that are None are the preset's, but those of ``attributes``, ``layers`` and ``classes``.

    Args:
        attribute: the attribute, by name.
        space: w, which codes of w+ are taken row by row in; told as other methods are told theirs.
        attributes: what the flow is told of an image; None is all that can be read well.
        layers: half-open range of the w+ layers that take an edit, ``published`` for those of the
            paper (Sec. 4.4), None for all.
        classes: of a SemanticStyleGAN: classes whose codes alone take it, ``own`` for those of the
            attribute's parts, None for all; other generators know ``own`` and None.
        preset: ``embedded`` or ``paper``.
        hidden: see :class:`FlowShape`; likewise ``tolerance`` and ``adjoint``.
        steps: see :class:`FlowRecipe`; likewise ``batch``, ``rate``, ``decay``, ``noise``.
        num_samples: codes that are sampled, rendered and read.

    Attributes:
        trained: the flow, where it was trained by a stage of its own.
    """

    attribute: str | None = None
    space: Space = Space.W
    attributes: Sequence[str] | None = None
    layers: Sequence[int] | str | None = None
    classes: Classes = None
    preset: str = "embedded"
    hidden: Sequence[int] | None = None
    tolerance: float | None = None
    adjoint: bool | None = None
    steps: int | None = None
    batch: int | None = None
    rate: float | None = None
    decay: bool | None = None
    noise: float | None = None
    num_samples: int = 10_240
    name: str = "styleflow"
    trained: TrainedFlow | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        settled(self, PRESETS)
        if self.space != Space.W:
            raise unknown_name("space", self.space, [Space.W])
        self.space, self.hidden = Space(self.space), tuple(self.hidden or ())
        self.classes = as_classes(self.classes)
        if self.attributes is not None:
            self.attributes = tuple(map(str, self.attributes))
        if isinstance(self.layers, str):
            if self.layers != PUBLISHED:
                raise unknown_name("layers", self.layers, [PUBLISHED])
        else:
            self.layers = as_layer_range(self.layers)
        self._sampling = Sampling(self.num_samples)
        self._recipe = FlowRecipe(
            *(getattr(self, o) for o in ("steps", "batch", "rate", "decay", "noise"))
        )
        self.shape(1, 1)

    @property
    def sampling(self) -> Sampling:
        """See :class:`LabelledMethod`."""
        return self._sampling

    @property
    def wanted(self) -> str | None:
        """See :class:`LabelledMethod`."""
        return self.attribute

    @property
    def recipe(self) -> FlowRecipe:
        """How the flow is trained."""
        return self._recipe

    def shape(self, dimensions: int, conditions: int) -> FlowShape:
        """What the flow is built of, for latents and attributes of so many numbers."""
        hidden = tuple(self.hidden or ())
        adjoint = bool(self.adjoint)
        return FlowShape(dimensions, conditions, hidden, self.tolerance or 0.0, adjoint)

    def check(self, generator: Generator, region: Region) -> None:
        """Refuse a generator without w+, layers and classes that it lacks, unread attributes."""
        generator.require(Space.W_PLUS, f"method={self.name}")
        if getattr(generator, "truncation_cutoff", None) is not None:
            raise UserError(
                f"method={self.name} learns from w, and generator.truncation_cutoff gives each "
                "layer its own: leave generator.truncation_cutoff=null."
            )
        self.networks()
        self.conditions()
        resolve_layers(self._layers(), _shape_of_w_plus(generator)[0])
        self._rows(generator)

    def conditions(self) -> tuple[str, ...]:
        """The attributes that the flow is told, the one that it edits among them.

        Raises:
            UserError: nobody reads one of them, or the edited one is left out.
        """
        predictor = self.predictor(self.attribute)[0]
        given = self.attributes
        if given is None:
            readable = getattr(predictor, "readable", predictor.names)
            given = tuple(name for name in predictor.names if name in readable)
        for name in given:
            self.predictor(name)
        if self.attribute not in given:
            raise UserError(
                f"method.attributes={list(given)} leaves out the attribute that is edited: add "
                f"{self.attribute}."
            )
        return tuple(given)

    def _layers(self) -> LayerRange | None:
        if self.layers != PUBLISHED:
            return as_layer_range(self.layers)  # type: ignore[arg-type]
        found = PUBLISHED_LAYERS.get(str(self.attribute))
        if found is None:
            raise UserError(
                f"method.layers={PUBLISHED}: the paper has no layers for attribute="
                f"{self.attribute} (it has: {', '.join(PUBLISHED_LAYERS)}); give a range, or null."
            )
        return found

    def _rows(self, generator: Generator) -> tuple[int, ...] | None:
        parts = {} if self.reader is None else getattr(self.reader, "attribute_parts", {})
        return rows_of(generator, self.classes, str(self.attribute), parts)

    def training(self, generator: Generator, labels: Labels, seed: int) -> FlowTraining:
        """The training of the flow, at its beginning."""
        names = self.conditions()
        latents = values_in(generator, labels.codes, Space.W)
        columns = [labels.names.index(name) for name in names]
        device = generator.device
        shape = self.shape(latents.shape[1], len(names))
        pairs = latents.to(device), labels.attributes[:, columns].to(device)
        return FlowTraining(*pairs, shape, self.recipe, seed)

    def discover(
        self,
        generator: Generator,
        codes: Codes,
        region: Region,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Edits:
        """See :meth:`Method.discover`; the codes it learns from are its own."""
        self.check(generator, region)
        labels = self.labelled(generator, seed, None)
        trained = self.trained or self.training(generator, labels, seed).run(progress=progress)
        if progress is not None:
            progress(self.recipe.steps, self.recipe.steps)
        edit = self._edit(generator, trained)
        return self.found(
            (edit,),
            generator,
            region,
            seed,
            # What directions are ranked by: how much likelier than by a normal distribution.
            extra={
                "eigenvalues": torch.tensor([trained.normal - trained.nats], dtype=torch.float64),
                "curve": trained.curve,
            },
            notes={
                "options": self._options(),
                "conditions": list(edit.names),
                "labeller": labels.labeller,
                "samples": len(labels),
                "region": "not looked at",
                **trained.notes(),
            },
        )

    def _edit(self, generator: Generator, trained: TrainedFlow) -> FlowEdit:
        names = self.conditions()
        width = _shape_of_w_plus(generator)[1]
        edit = FlowEdit(
            name=f"{self.name}/{self.attribute}",
            generator=generator.name,
            fingerprint=generator.fingerprint,
            attribute=str(self.attribute),
            names=names,
            weights=trained.weights,
            shape=asdict(self.shape(width, len(names))),
            layers=self._layers(),
            rows=self._rows(generator),
        )
        if self.reader is not None:
            edit.see(self.reader)
        return edit

    def _options(self) -> dict[str, Any]:
        told = {name: value for name, value in vars(self).items() if not name.startswith("_")}
        return {k: v for k, v in told.items() if k not in ("trained", "labels", "reader")}


def _shape_of_w_plus(generator: Generator) -> torch.Size:
    """Rows and numbers of a w+ code."""
    codes = generator.sample(1, torch.Generator().manual_seed(0))
    return generator.convert(codes, Space.W_PLUS).values.shape[1:]
