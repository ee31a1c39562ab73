"""The tensors of a flat PyTorch state, from which an architecture is inferred."""

import re
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.generators.checkpoints.form import Content, Reader, Source, subtree
from pipeline.generators.checkpoints.hollow import Hollow

PREFIXES = ("", "module.")
"""Before the names of a state: nothing, or what a data-parallel wrapper adds."""

G = TypeVar("G", bound=nn.Module)


def prefix_of(content: Content, known: str) -> str | None:
    """The first of the prefixes under which there is a name that matches a pattern."""
    found = (p for p in PREFIXES if any(re.fullmatch(re.escape(p) + known, k) for k in content))
    return next(found, None)


def contains(content: Content, *patterns: str) -> bool:
    """Whether a state is in the content that has a name for each of the patterns."""
    return all(prefix_of(content, pattern) is not None for pattern in patterns)


class Tensors:
    """The tensors of a network in a file, and their shapes.

    Args:
        form: name of the form, for errors.
        content: the file.
        known: pattern of a name that the network has.
    """

    def __init__(self, form: str, content: Content, known: str) -> None:
        part = subtree(content, prefix_of(content, known) or "")
        kinds = (Tensor, np.ndarray)
        self.form, self.found = form, {k: x for k, x in part.items() if isinstance(x, kinds)}

    def __contains__(self, name: str) -> bool:
        return name in self.found

    def shape(self, name: str, dimensions: int) -> tuple[int, ...]:
        """Shape of a tensor.

        Raises:
            UserError: the file does not hold it, or it has another number of dimensions.
        """
        if name not in self.found:
            raise UserError(f"{self.form}: the file lacks the tensor {name}.")
        shape = tuple(self.found[name].shape)
        if len(shape) != dimensions:
            raise UserError(
                f"{self.form}: the tensor {name} of shape {shape} does not fit: it needs "
                f"{dimensions} dimensions."
            )
        return shape

    def groups(self, pattern: str) -> list[str]:
        """The beginnings of names that match, in the order of the numbers in them."""
        found = {match[0] for name in self.found if (match := re.match(pattern, name))}
        return sorted(found, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])

    def fill(self, make: Callable[[], G], source: Callable[[str], Source], inert: str = "") -> G:
        """A network, each of whose tensors has a source in the file.

        Args:
            make: gives the network.
            source: where the tensor of a name is found.
            inert: pattern of the file's tensors that take no part in images.

        Raises:
            UserError: tensors are missing, left over, or of another shape.
        """
        with Hollow():
            names = list(make().state_dict())
        sources = {name: source(name) for name in names}
        return Reader(self.form, self.found, sources).fill(make, inert)
