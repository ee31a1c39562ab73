"""Reading a network from a flat content: every tensor finds its place, or the file is refused."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.checkpoints.form import (
    Reader,
    Source,
    as_tensor,
    refuse_options,
    subtree,
)

SOURCES = {"layer.weight": Source("w", torch.t), "layer.bias": Source("b")}


class Linear(Generator):
    """The least a generator can be."""

    name, resolution, spaces = "linear", 1, frozenset({Space.Z})

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def sample(self, n: int, generator: torch.Generator) -> Codes:
        return Codes(Space.Z, torch.randn(n, 2, generator=generator))

    def convert(self, codes: Codes, space: Space) -> Codes:
        return codes

    def render(self, codes: Codes) -> Tensor:
        return self.layer(codes.values)[:, :, None, None]


def on_meta() -> Linear:
    with torch.device("meta"):
        return Linear()


def content(**changes: Any) -> dict[str, Any]:
    stored = {"w": np.arange(6.0).reshape(2, 3), "b": torch.ones(3, dtype=torch.float16)}
    return {k: x for k, x in (stored | changes).items() if x is not None}


@pytest.mark.parametrize("make", [Linear, on_meta])
def test_fill(make: Callable[[], Linear]) -> None:
    network = Reader("toy", content(extra=1), SOURCES).fill(make, inert="extra|other")
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    image = network.render(Codes(Space.Z, torch.eye(2)))
    expected = torch.tensor([[1.0, 2, 3], [4, 5, 6]])
    torch.testing.assert_close(image[:, :, 0, 0], expected)


def test_what_is_filled_is_the_networks_own() -> None:
    stored = content(w=torch.zeros(2, 3))
    network = Reader("toy", stored, SOURCES).fill(Linear)
    stored["w"].fill_(1)
    assert not network.layer.weight.any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"w": None}, r"^toy: the file lacks the tensors w \(1\)\.$"),
        ({"c": 1, "d": 2}, r"^toy: the file has unknown tensors c, d \(2\)\.$"),
        (
            {str(i): i for i in range(9)},
            r"^toy: the file has unknown tensors 0, 1, 2, 3, 4, \.\.\. ",
        ),
        ({"b": np.ones(4)}, r"^toy: the tensor b of shape \(4,\) does not fit 'layer.bias', which"),
        ({"w": np.ones((1, 2, 3))}, r"^toy: the tensor w of shape \(1, 2, 3\) does not fit"),
        ({"b": "text"}, r"^toy: the tensor b of shape \(\) does not fit 'layer.bias'"),
    ],
)
def test_files_that_do_not_fit(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        Reader("toy", content(**changes), SOURCES).fill(Linear)
    assert "\n" not in str(error.value)


def test_shape() -> None:
    reader = Reader("toy", content(), SOURCES)
    assert reader.shape("layer.weight", 2) == (3, 2)
    with pytest.raises(UserError, match="the tensor w of shape .2, 3. does not fit"):
        reader.shape("layer.weight", 1)
    with pytest.raises(UserError, match="the file lacks the tensor b"):
        Reader("toy", content(b=None), SOURCES).shape("layer.bias", 1)


def test_leaves_become_float32() -> None:
    for leaf in (1, 1.0, np.float64(1), np.array(1, ">f4"), torch.tensor(1, dtype=torch.float64)):
        assert torch.equal(as_tensor(leaf), torch.tensor(1.0))


def test_subtree() -> None:
    assert subtree({"a.b": 1, "a.c.d": 2, "ab": 3}, "a.") == {"b": 1, "c.d": 2}


def test_options() -> None:
    allowed = {"gain": (1, 2), "tanh": (False,)}
    refuse_options("toy", {"gain": 2, "other": "x"}, allowed)
    with pytest.raises(UserError, match=r"made with gain=3; only 1 or 2 is known"):
        refuse_options("toy", {"gain": 3}, allowed)
