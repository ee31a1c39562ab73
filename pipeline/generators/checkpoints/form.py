"""The forms of foreign files: how one is told from the others, and read into a network."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.generators.base import Generator
from pipeline.generators.checkpoints.hollow import Hollow

Content = Mapping[str, Any]
"""A file, flat: nested keys joined with '.', leaves are tensors, arrays or plain values."""

G = TypeVar("G", bound=nn.Module)


@dataclass(frozen=True)
class Form:
    """A kind of foreign file.

    Attributes:
        name: architecture and who writes it, e.g. ``stylegan-tensorflow``.
        recognise: whether a flat content is of this form.
        build: the generator of such a content, in float32, ready for evaluation; raises
            :class:`UserError` naming what is missing, left over, or does not fit.
    """

    name: str
    recognise: Callable[[Content], bool]
    build: Callable[[Content], Generator]


@dataclass(frozen=True)
class Source:
    """Where a network finds one of its tensors.

    Attributes:
        name: the name in the file.
        convert: from the layout of the file to the network's.
    """

    name: str
    convert: Callable[[Tensor], Tensor] = lambda tensor: tensor


class Reader:
    """The tensors of a file by the names of a network.

    Args:
        form: name of the form, for errors.
        tensors: the part of the file that holds the network, by the file's names.
        sources: where each of the network's tensors is found.
    """

    def __init__(self, form: str, tensors: Content, sources: Mapping[str, Source]) -> None:
        self.form, self.tensors, self.sources = form, tensors, sources

    def __getitem__(self, name: str) -> Tensor:
        """A tensor of the network, in float32 and in the network's layout.

        Raises:
            UserError: the file does not hold it, or not in the layout of this form.
        """
        source = self.sources[name]
        if source.name not in self.tensors:
            raise UserError(f"{self.form}: the file lacks the tensor {source.name}.")
        try:
            return source.convert(as_tensor(self.tensors[source.name]))
        except (RuntimeError, IndexError, TypeError, ValueError) as error:
            raise self._misfit(name) from error

    def shape(self, name: str, dimensions: int) -> tuple[int, ...]:
        """The shape of a tensor of the network, which must have so many dimensions.

        Raises:
            UserError: the file does not hold it, or it has more or fewer.
        """
        shape = tuple(self[name].shape)
        if len(shape) != dimensions:
            raise self._misfit(name)
        return shape

    def fill(self, make: Callable[[], G], inert: str = "") -> G:
        """A network with the tensors of the file, each of which must find its place.

        The network is made without memory and gets copies of the tensors once all are known to
        fit, so that no more than the file and the network are in memory.

        Args:
            make: gives the network.
            inert: pattern of the file's tensors that take no part in images.

        Raises:
            UserError: tensors are missing, left over, or of another shape.
        """
        self.check_names(inert)
        with Hollow():
            network = make()
        places = network.state_dict()
        for name, place in places.items():
            if self[name].shape != place.shape:
                raise self._misfit(name, place)
        state = {name: self[name].clone() for name in places}
        network.load_state_dict(state, assign=True)
        return network.eval().requires_grad_(False)

    def check_names(self, inert: str = "") -> None:
        """Refuse a file that lacks tensors of the network, or holds others.

        Args:
            inert: pattern of the tensors that take no part in images.

        Raises:
            UserError: it does; names the first five.
        """
        wanted = {source.name for source in self.sources.values()}
        missing = wanted - self.tensors.keys()
        unknown = {k for k in self.tensors.keys() - wanted if not re.fullmatch(inert, k)}
        for names, what in ((missing, "lacks the"), (unknown, "has unknown")):
            if names:
                shown = ", ".join(sorted(names)[:5]) + (", ..." if len(names) > 5 else "")
                raise UserError(f"{self.form}: the file {what} tensors {shown} ({len(names)}).")

    def _misfit(self, name: str, place: Tensor | None = None) -> UserError:
        stored = self.tensors[self.sources[name].name]
        fitting = "" if place is None else f", which needs {tuple(place.shape)} in its own layout"
        return UserError(
            f"{self.form}: the tensor {self.sources[name].name} of shape "
            f"{tuple(np.shape(stored))} does not fit '{name}'{fitting}."
        )


def as_tensor(leaf: Any) -> Tensor:
    """A leaf of a content as a float32 tensor."""
    if isinstance(leaf, Tensor):
        return leaf.detach().float()
    return torch.tensor(np.asarray(leaf, dtype=np.float32))


def subtree(content: Content, prefix: str) -> dict[str, Any]:
    """What lies under a prefix, with the prefix cut off."""
    return {k[len(prefix) :]: leaf for k, leaf in content.items() if k.startswith(prefix)}


def refuse_options(form: str, options: Content, allowed: Mapping[str, Collection[Any]]) -> None:
    """Refuse a file whose network was made with an option that changes its images otherwise.

    Args:
        form: name of the form.
        options: what the file says its network was made with.
        allowed: the values that an option may have, where it is given.

    Raises:
        UserError: an option has another value.
    """
    for name, values in allowed.items():
        if name in options and options[name] not in values:
            known = " or ".join(str(value) for value in values)
            raise UserError(
                f"{form}: the network was made with {name}={options[name]}; only {known} is known."
            )
