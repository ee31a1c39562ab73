"""The forms of foreign files: how one is told from the others, and read into a network."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Generator

Content = Mapping[str, Any]
"""A file, flat: nested keys joined with '.', leaves are tensors, arrays or plain values."""

G = TypeVar("G", bound=Generator)


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
            UserError: the file does not hold it, or it has another number of dimensions.
        """
        source = self.sources[name]
        if source.name not in self.tensors:
            raise UserError(f"{self.form}: the file lacks the tensor '{source.name}'.")
        stored = as_tensor(self.tensors[source.name])
        try:
            return source.convert(stored).contiguous()
        except (RuntimeError, IndexError) as error:
            raise self._misfit(source.name, tuple(stored.shape), "another layout") from error

    def fill(self, make: Callable[[], G], inert: str = "") -> G:
        """A network with the tensors of the file, each of which must find its place.

        The network is made without memory of its own and takes the file's tensors over.

        Args:
            make: gives the network.
            inert: pattern of the file's tensors that take no part in images.

        Raises:
            UserError: tensors are missing, left over, or of another shape.
        """
        with torch.device("meta"):
            network = make()
        self._refuse_leftovers(inert)
        expected, state = network.state_dict(), {}
        for name, place in expected.items():
            state[name] = self[name]
            if state[name].shape != place.shape:
                fitting = f"{tuple(place.shape)} in the layout of '{name}'"
                raise self._misfit(self.sources[name].name, tuple(state[name].shape), fitting)
        network.load_state_dict(state, assign=True)
        return network.eval().requires_grad_(False)

    def _refuse_leftovers(self, inert: str) -> None:
        wanted = {source.name for source in self.sources.values()}
        missing = sorted(wanted - self.tensors.keys())
        left = sorted(k for k in self.tensors.keys() - wanted if not re.fullmatch(inert, k))
        for names, what in ((missing, "lacks"), (left, "has unknown")):
            if names:
                shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
                raise UserError(f"{self.form}: the file {what} {len(names)} tensors: {shown}.")

    def _misfit(self, name: str, shape: tuple[int, ...], fitting: str) -> UserError:
        return UserError(f"{self.form}: the tensor '{name}' is {shape}; {fitting} is needed.")


def as_tensor(leaf: Any) -> Tensor:
    """A leaf of a content as a float32 tensor."""
    if isinstance(leaf, Tensor):
        return leaf.detach().float()
    return torch.tensor(np.asarray(leaf, dtype=np.float32))


def subtree(content: Content, prefix: str) -> dict[str, Any]:
    """What lies under a prefix, with the prefix cut off."""
    return {k[len(prefix) :]: leaf for k, leaf in content.items() if k.startswith(prefix)}


def holder(content: Content, prefixes: Sequence[str], key: str) -> str | None:
    """The first of the prefixes under which the content has a key that matches a pattern."""
    return next(
        (p for p in prefixes if any(re.fullmatch(re.escape(p) + key, k) for k in content)), None
    )


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
