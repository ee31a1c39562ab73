"""SeFa against singular values of known weights, and on networks with planted ones."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.generators.class_conditional import ClassConditional
from pipeline.generators.pggan import PGGAN, PGGANConfig
from pipeline.generators.stylegan2 import StyleGAN2
from pipeline.methods.edits import DirectionEdit, Edits
from pipeline.methods.sefa import SeFa, ToRGB, factorise
from pipeline.methods.signs import unit_rows
from pipeline.methods.style_weights import first_layer, style_weights
from pipeline.regions.box import Box
from tests.generators.conditional import ready, small_biggan, small_deep
from tests.generators.networks import small_network
from tests.generic import MethodCase, WaveGenerator

NETWORK = small_network()
EVERYWHERE = Box("all", [0.5, 0.5], [1, 1])


def small_pggan() -> PGGAN:
    """A PGGAN of 8 x 8 pixels."""
    return ready(PGGAN(PGGANConfig(8, (6, 5), z_dim=4, num_classes=2)), torch.float64)


def doubled(codes: Codes) -> Codes:
    return codes.with_values(codes.values.double())


def found(edits: Edits) -> list[DirectionEdit]:
    return [edit for edit in edits if isinstance(edit, DirectionEdit)]


CODES = doubled(NETWORK.sample(3, torch.Generator().manual_seed(0)))


def affine(network: StyleGAN2, name: str) -> Tensor:
    """A layer's style weight with its gain, as its parameters say."""
    layer = network.synthesis.get_submodule(name).affine
    return layer.weight * layer.weight_gain


def test_factorise_gives_the_right_singular_vectors() -> None:
    A = torch.randn(20, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    directions, values = factorise(A, normalise=False)
    _, s, rows = torch.linalg.svd(A, full_matrices=False)
    torch.testing.assert_close(values, s.square())
    torch.testing.assert_close(directions, unit_rows(rows), rtol=0, atol=1e-9)


def test_normalised_rows_count_alike_however_long_they_are() -> None:
    A = torch.randn(20, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    scales = torch.linspace(1e-3, 1e3, 20, dtype=torch.float64)[:, None]
    torch.testing.assert_close(factorise(scales * A), factorise(A))
    assert not torch.allclose(factorise(scales * A, normalise=False)[0], factorise(A)[0])
    assert float(factorise(A)[1].sum()) == pytest.approx(20)


def test_the_null_space_of_the_weights_has_no_directions() -> None:
    A = torch.zeros(4, 3)
    A[0, 1] = A[1, 2] = 5.0
    directions, values = factorise(A)
    assert directions.shape == (2, 3)
    torch.testing.assert_close(values, torch.ones(2, dtype=torch.float64))
    with pytest.raises(UserError, match="are zero"):
        factorise(torch.zeros(4, 3))


def test_style_weights_are_those_of_the_affine_layers() -> None:
    weights = style_weights(NETWORK)
    assert [(w.name, w.layer) for w in weights] == [
        ("b4.conv1", 0), ("b4.torgb", 1), ("b8.conv0", 1), ("b8.conv1", 2), ("b8.torgb", 3),
        ("b16.conv0", 3), ("b16.conv1", 4), ("b16.torgb", 5),
    ]  # fmt: skip
    for weight in weights:
        torch.testing.assert_close(weight.weight, affine(NETWORK, weight.name))


@pytest.mark.parametrize(
    ("to_rgb", "extra"),
    [("none", []), ("last", ["b16.torgb"]), ("all", ["b4.torgb", "b8.torgb", "b16.torgb"])],
)
def test_factorises_the_layers_of_all_blocks(to_rgb: Any, extra: list[str]) -> None:
    edits = SeFa(num_directions=6, to_rgb=to_rgb).discover(NETWORK, CODES, EVERYWHERE)
    names = ["b4.conv1", "b8.conv0", "b8.conv1", "b16.conv0", "b16.conv1", *extra]
    expected, values = factorise(torch.cat([affine(NETWORK, name) for name in names]))
    torch.testing.assert_close(torch.stack([e.direction for e in found(edits)]), expected)
    torch.testing.assert_close(edits.extra["eigenvalues"], values)


def test_groups_have_directions_of_their_own_and_move_their_own_layers() -> None:
    groups = [[0, 2], [2, None]]
    edits = SeFa(num_directions=2, groups=groups).discover(NETWORK, CODES, EVERYWHERE)
    assert [e.name for e in edits] == ["sefa/0-1/0", "sefa/2-5/0", "sefa/0-1/1", "sefa/2-5/1"]
    first, second = found(edits)[:2]
    assert (first.layers, second.layers) == ((0, 2), (2, 6))
    low = factorise(torch.cat([affine(NETWORK, n) for n in ("b4.conv1", "b8.conv0")]))[0]
    torch.testing.assert_close(first.direction, low[0])
    ws = NETWORK.convert(CODES, Space.W_PLUS).values.clone()
    ws[:, :2] += 2 * low[0]
    expected = NETWORK.render(Codes(Space.W_PLUS, ws))
    torch.testing.assert_close(first.apply(NETWORK, CODES, 2.0), expected)


def test_finds_what_the_styles_follow_most() -> None:
    """All style channels of the last layers follow one planted direction, and little else."""
    network = small_network(seed=1)
    planted = torch.nn.functional.normalize(torch.arange(1.0, 7.0, dtype=torch.float64), dim=0)
    for name in ("b16.conv0", "b16.conv1"):
        weight = network.synthesis.get_submodule(name).affine.weight
        weight.copy_(planted + 0.01 * weight)
    edits = SeFa(groups=[[3, 5]]).discover(network, CODES, EVERYWHERE)
    assert float(found(edits)[0].direction @ planted) > 0.999
    share = edits.extra["eigenvalues"][0] / edits.extra["eigenvalues"].sum()
    assert share > 0.99


def test_in_z_of_a_pggan() -> None:
    """The kernels of the 4 x 4 layer, without the columns of the classes."""
    network = small_pggan()
    A, kernel = first_layer(network), network.kernels["b4.conv0"]
    assert A.shape == (16 * 6, 4)
    torch.testing.assert_close(A[:16], kernel[0, :4].flatten(1).T)
    codes = doubled(network.sample(2, torch.Generator().manual_seed(0)))
    edits = SeFa(num_directions=2).discover(network, codes, EVERYWHERE)
    assert [(e.space, e.layers) for e in found(edits)] == [(Space.Z, None)] * 2
    direction = factorise(A)[0][0]
    expected = network.render(codes.with_values(codes.values + 2 * direction))
    torch.testing.assert_close(edits[0].apply(network, codes, 2.0), expected, rtol=0, atol=1e-12)
    assert not torch.equal(expected, network.render(codes))


@pytest.mark.parametrize("small", [small_biggan, small_deep])
def test_in_z_of_a_biggan(small: Callable[[], ClassConditional]) -> None:
    """The matrix says how the first features follow z; of a hierarchical z, its first chunk."""
    network = small()
    A, first = first_layer(network), 3
    assert A[:, :first].abs().min() > 0
    assert not A[:, first:].any()
    codes = doubled(network.sample(2, torch.Generator().manual_seed(0)))
    seen: list[Tensor] = []

    def hook(name: str, x: Tensor) -> Tensor:
        if name == "linear":
            seen.append(x.flatten(1))
        return x

    for values in (codes.values, codes.values + 1):
        network.render(codes.with_values(values), hook=hook)
    torch.testing.assert_close(seen[1] - seen[0], A.sum(1).expand(2, -1))
    assert len(SeFa().discover(network, codes, EVERYWHERE)) == first


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"space": "s"}, "Unknown space 's'"),
        ({"to_rgb": "lats"}, "Did you mean to_rgb=last"),
        ({"num_directions": 0}, "num_directions=0"),
        ({"groups": [[2, 1]]}, "half-open ranges"),
        ({"groups": [[0, 1]], "space": "z"}, "space=z has none"),
    ],
)
def test_impossible_options(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        SeFa(**options)


def test_impossible_combinations() -> None:
    with pytest.raises(UserError, match="generator=waves has no styles"):
        SeFa().check(WaveGenerator(), EVERYWHERE)
    with pytest.raises(UserError, match="first layer of generator=waves"):
        SeFa(space=Space.Z).check(WaveGenerator(), EVERYWHERE)
    with pytest.raises(UserError, match="needs the space 'w'"):
        SeFa(groups=[[0, 1]]).check(small_pggan(), EVERYWHERE)
    with pytest.raises(UserError, match="there are 6"):
        SeFa(groups=[[6, None]]).check(NETWORK, EVERYWHERE)
    with pytest.raises(UserError, match="layers 5 to 5 have no style weights with to_rgb=none"):
        SeFa(groups=[[5, 6]], to_rgb=ToRGB.NONE).discover(NETWORK, CODES, EVERYWHERE)


class TestSeFaAsMethod(MethodCase):
    """The common ground of all methods."""

    @pytest.fixture(params=[None, [[0, 2], [2, None]]])
    def method(self, request: pytest.FixtureRequest) -> SeFa:
        """Of all layers, and of two groups."""
        return SeFa(num_directions=2, groups=request.param)

    @pytest.fixture
    def generator(self) -> StyleGAN2:
        """A real one, since it is its weights that are looked at."""
        return small_network(dtype=torch.float32)

    @pytest.fixture
    def region(self) -> Box:
        """Any will do."""
        return EVERYWHERE
