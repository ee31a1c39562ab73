"""The edit of StyleFlow: a latent carried to a normal one, and back with another attribute."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.edits import Edit
from pipeline.methods.intervention_edit import code_names
from pipeline.methods.latents import as_layer_range, moving
from pipeline.methods.normalising_flow import NormalisingFlow
from pipeline.methods.reader import Reader


@dataclass(frozen=True, eq=False, kw_only=True)
class FlowEdit(Edit):
    """Conditional exploration of W (StyleFlow, Abdal et al. 2021, Sec. 4.3 and 4.4).

    The attributes of the unedited image are read off it, and its w goes to the base with them; it
    comes back with one of them moved by the strength, in standard deviations of the data. Added to
    w is the way between coming back with the attributes as they are and as they should be, so that
    a strength of 0 changes nothing, whatever the solver's tolerance. Codes of w+ go row by row.

    Attributes:
        attribute: what it changes.
        names: the attributes that the flow knows, in the order of its conditions.
        weights: of the flow, see :meth:`NormalisingFlow.packed`.
        shape: options of :class:`pipeline.methods.normalising_flow.FlowShape`.
        layers: half-open range of the w+ layers that take the change (Sec. 4.4); None is all.
        rows: of these the only ones that do, as those of a SemanticStyleGAN's class; likewise.
    """

    attribute: str
    names: tuple[str, ...]
    weights: Tensor
    shape: Mapping[str, Any]
    layers: tuple[int, int] | None = None
    rows: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "layers", as_layer_range(self.layers))
        object.__setattr__(self, "rows", None if self.rows is None else tuple(self.rows))
        object.__setattr__(self, "_reader", None)
        object.__setattr__(self, "_flow", None)
        object.__setattr__(self, "_memory", {})

    def see(self, reader: Reader) -> None:
        """See :meth:`Edit.see`: attributes are read."""
        object.__setattr__(self, "_reader", reader)

    def render(
        self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
    ) -> Tensor:
        """Images of the codes with the attribute moved by the strengths."""
        base = generator.convert(codes, Space.W_PLUS)
        moves = moving(base.values.shape[1], self.layers, self.rows).to(base.values)
        steps = self.steps(generator, codes, strengths)
        return generator.render(base.with_values(base.values + moves * steps))

    def steps(self, generator: Generator, codes: Codes, strengths: Tensor) -> Tensor:
        """How w moves: ``[n, 1, w_dim]``, or ``[n, num_ws, w_dim]`` for codes of w+."""
        flow = self.flow().to(codes.values.device)
        base, attributes = self.start(generator, codes)
        n, rows, width = base.shape
        goal = torch.zeros_like(attributes)
        goal[:, self.names.index(self.attribute)] = 1
        goal = attributes + strengths.to(attributes)[:, None] * goal
        # Both ways back are solved together, with the same steps: they differ by the goal alone.
        conditions = torch.cat([_per_row(a, rows) for a in (attributes, goal)])
        ends = flow.from_base(base.reshape(-1, width).repeat(2, 1), conditions)
        before, after = ends.reshape(2, n, rows, width).unbind()
        return (after - before).to(codes.values)

    @torch.no_grad()
    def start(self, generator: Generator, codes: Codes) -> tuple[Tensor, Tensor]:
        """Normal latents ``[n, rows, w_dim]`` and attributes ``[n, c]`` of codes, remembered.

        Raises:
            UserError: nothing here reads the attributes.
        """
        memory: dict[str, tuple[Tensor, Tensor]] = self._memory  # type: ignore[attr-defined]
        names = code_names(codes)
        new = [row for row, name in enumerate(names) if name not in memory]
        if new:
            few = codes[torch.tensor(new, device=codes.values.device)]
            attributes = self.read(generator, few)
            base = self._based(generator, few, attributes)
            pairs = zip(base, attributes, strict=True)
            memory |= dict(zip([names[row] for row in new], pairs, strict=True))
        found = [memory[name] for name in names]
        return torch.stack([f[0] for f in found]), torch.stack([f[1] for f in found])

    def _based(self, generator: Generator, codes: Codes, attributes: Tensor) -> Tensor:
        """Normal latents ``[n, rows, w_dim]`` of codes."""
        above = codes.space in (Space.Z, Space.W)
        values = generator.convert(codes, Space.W if above else Space.W_PLUS).values.float()
        rows = values.unsqueeze(1) if above else values
        flow = self.flow().to(rows.device)
        flat = rows.reshape(-1, rows.shape[-1])
        return flow.to_base(flat, _per_row(attributes, rows.shape[1])).reshape(rows.shape)

    def read(self, generator: Generator, codes: Codes) -> Tensor:
        """Attributes ``[n, c]`` of the unedited images, float32, in deviations of the data.

        Raises:
            UserError: nothing here reads them.
        """
        reader: Reader | None = self._reader  # type: ignore[attr-defined]
        if reader is None:
            raise UserError(
                f"The edit {self.name} starts from what a picture has already, and nothing here "
                "reads that: give it a reader first (FlowEdit.see)."
            )
        predictor = reader.predictor
        known = list(predictor.names)
        if missing := [name for name in self.names if name not in known]:
            raise UserError(
                f"The edit {self.name} needs to know the {', '.join(missing)} of a picture, which "
                "nothing here reads: take the dataset that it was found on."
            )
        read = predictor.standardised(generator.render(codes).clamp(-1, 1)).float()
        return read[:, [known.index(name) for name in self.names]].to(codes.values.device)

    def flow(self) -> NormalisingFlow:
        """The flow, unpacked when it is first asked for."""
        known: NormalisingFlow | None = self._flow  # type: ignore[attr-defined]
        if known is None:
            known = NormalisingFlow.unpacked(self.weights, self.shape)
            object.__setattr__(self, "_flow", known)
        return known


def _per_row(attributes: Tensor, rows: int) -> Tensor:
    """Attributes ``[n, c]`` for every row of w+: ``[n * rows, c]``."""
    return attributes.repeat_interleave(rows, dim=0)
