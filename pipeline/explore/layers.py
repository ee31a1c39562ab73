"""Edits that move some layers only, for those whose layers can be told apart."""

from dataclasses import replace

import torch

from pipeline.errors import UserError
from pipeline.generators.base import Generator, Space
from pipeline.methods.edits import DirectionEdit, Edit
from pipeline.methods.latents import LayerRange, resolve_layers
from pipeline.methods.style_channels import ChannelEdit, style_slices
from pipeline.methods.styleflow_edit import FlowEdit


def layer_names(edit: Edit, generator: Generator) -> list[str]:
    """The layers that a range can be of: rows of w+, or layers with styles; or none."""
    if _by_rows(edit):
        return [f"w{row}" for row in range(int(getattr(generator, "num_ws", 0)))]
    return list(style_slices(generator)) if _by_styles(edit) else []


def own_layers(edit: Edit, generator: Generator) -> LayerRange:
    """The half-open range that an edit moves by itself; (0, 0) where layers are not told apart."""
    count = len(layer_names(edit, generator))
    return resolve_layers(getattr(edit, "layers", None), count) if count else (0, 0)


def restricted(edit: Edit, generator: Generator, layers: LayerRange | None) -> Edit:
    """The edit in some layers only, under a name that says so.

    Args:
        edit: the edit.
        generator: that it was found on.
        layers: half-open range of :func:`layer_names`; None leaves the edit as it is.

    Raises:
        UserError: the range is empty or reaches beyond the layers, or the edit has none.
    """
    if layers is None or layers == own_layers(edit, generator):
        return edit
    names = layer_names(edit, generator)
    first, last = layers
    if not 0 <= first < last <= len(names):
        raise UserError(
            f"layers={first} to {last - 1}: "
            + (f"choose some of 0 to {len(names) - 1}." if names else f"{edit.name} has no layers.")
        )
    name = f"{edit.name}/layers{first}-{last - 1}"
    if isinstance(edit, DirectionEdit | FlowEdit) and _by_rows(edit):
        return replace(edit, name=name, layers=(first, last))
    slices = list(style_slices(generator).values())[first:last]
    return _in_styles(edit, name, slices)


def _by_rows(edit: Edit) -> bool:
    """Whether it moves rows of w+."""
    in_w = isinstance(edit, DirectionEdit) and edit.space in (Space.W, Space.W_PLUS)
    return in_w or isinstance(edit, FlowEdit)


def _by_styles(edit: Edit) -> bool:
    in_s = isinstance(edit, DirectionEdit) and edit.space == Space.S
    return in_s or isinstance(edit, ChannelEdit)


def _in_styles(edit: Edit, name: str, slices: list[slice]) -> Edit:
    """An edit of styles with nothing outside these parts of s."""
    if isinstance(edit, ChannelEdit):
        inside = torch.stack(
            [(edit.channels >= p.start) & (edit.channels < p.stop) for p in slices]
        )
        return replace(edit, name=name, deviations=edit.deviations * inside.any(dim=0))
    if not isinstance(edit, DirectionEdit):
        raise ValueError(f"the edit {edit.name} is not one of styles")
    moves = torch.zeros_like(edit.direction)
    for part in slices:
        moves[part] = 1
    return replace(edit, name=name, direction=edit.direction * moves)
