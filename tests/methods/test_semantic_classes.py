"""From regions to classes of a SemanticStyleGAN and to the rows of their codes."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from pipeline.datasets.grouped_faces import CLASSES as GROUPED
from pipeline.datasets.procfaces.parts import PARTS
from pipeline.errors import UserError
from pipeline.methods.semantic_classes import CodeKind, classes_of, mixed, rows_of
from pipeline.methods.semantic_stylegan import SemanticDirections
from pipeline.regions.box import Box
from pipeline.regions.part import Part
from pipeline.regions.region import Region
from pipeline.regions.union import Union
from tests.generic import WaveGenerator
from tests.methods.semantics import CLASSES, MOUTH, NETWORK

CORNER = Box("box", [0.2, 0.2], [0.2, 0.2])


def part(name: str, *parts: str) -> Part:
    return Part(name, torch.zeros_like, [PARTS.index(p) for p in parts])


@pytest.mark.parametrize(
    ("region", "expected"),
    [
        (MOUTH, ("mouth",)),
        (part("hair", "hair"), ("hair",)),
        (part("frame", "glasses", "brows"), ("glasses", "brows")),
        (part("around", "ears", "skin", "neck"), ("skin",)),
        (part("face", *PARTS[1:]), tuple(c for c in GROUPED[1:])),
        (Union("both", [MOUTH, Box("eyes", [0.4, 0.5], [0.2, 0.4])]), ("mouth", "eyes")),
    ],
)
def test_classes_that_regions_mean(region: Region, expected: tuple[str, ...]) -> None:
    assert sorted(classes_of(region, GROUPED, PARTS, None)) == sorted(expected)


def test_classes_can_be_asked_for() -> None:
    assert classes_of(CORNER, CLASSES, (), ["skin", "mouth", "skin"]) == ("skin", "mouth")
    with pytest.raises(UserError, match="region=box names no class .*method.classes="):
        classes_of(CORNER, CLASSES, (), None)
    with pytest.raises(UserError, match="names no class"):
        classes_of(MOUTH, CLASSES, (), [])
    with pytest.raises(UserError, match="method.classes=mouth"):
        classes_of(MOUTH, CLASSES, (), ["muoth"])


def test_parts_have_the_names_of_the_reader() -> None:
    method = SemanticDirections()
    reader: Any = SimpleNamespace(parts=("nothing", "mouth"))
    method.reader = reader
    assert method.chosen(NETWORK, Part("lower half", torch.zeros_like, [1])) == ("mouth",)


def test_rows_of_codes() -> None:
    structure, texture = NETWORK.class_rows["mouth"]
    assert rows_of(NETWORK, ["mouth"], CodeKind.STRUCTURE) == [structure]
    assert rows_of(NETWORK, ["mouth"], CodeKind.TEXTURE) == [texture]
    assert rows_of(NETWORK, ["skin", "mouth"], CodeKind.BOTH)[2:] == [structure, texture]


def test_mixed_codes_are_exact_at_both_ends() -> None:
    ws, other = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(mixed(ws, other, [1, 4], torch.zeros(3)), ws)
    full = mixed(ws, other, [1, 4], torch.ones(3))
    assert torch.equal(full[:, [1, 4]], other[:, [1, 4]])
    assert torch.equal(full[:, [0, 2, 3]], ws[:, [0, 2, 3]])


def test_other_generators_are_refused_in_one_line() -> None:
    with pytest.raises(UserError, match="generator=semantic_stylegan_procfaces") as error:
        SemanticDirections().check(WaveGenerator(), MOUTH)
    assert "generator=waves" in str(error.value)
    assert "\n" not in str(error.value)
