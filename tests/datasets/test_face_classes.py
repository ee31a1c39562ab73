"""Classes of faces, and part maps that are drawn when asked for."""

import pytest
import torch

from pipeline.datasets.face_classes import CLASSES, classes_of
from pipeline.datasets.procfaces.factors import NAMES, sample_factors
from pipeline.datasets.procfaces.render import render
from pipeline.datasets.rendered_maps import RenderedMaps
from pipeline.errors import UserError


def face(**values: float) -> torch.Tensor:
    factors = torch.zeros(1, len(NAMES))
    for name, value in values.items():
        factors[0, NAMES.index(name)] = value
    return factors


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"hair_length": 0.2}, "short_hair"),
        ({"hair_length": 0.8}, "long_hair"),
        ({"hair_length": 0.8, "bald": 1.0}, "short_hair"),
        ({"hair_length": 0.2, "glasses": 0.97}, "short_hair_glasses"),
        ({"hair_length": 0.8, "glasses": 0.97}, "long_hair_glasses"),
        ({"hair_length": 0.8, "beard": 0.4}, "beard"),
        ({"beard": 0.9, "glasses": 1.0}, "beard_glasses"),
        ({"hair_length": 0.2, "beard": 0.1, "glasses": 0.3}, "short_hair"),  # as read: uncertain
    ],
)
def test_a_face_is_of_the_class_that_a_person_sees(values: dict[str, float], name: str) -> None:
    assert CLASSES[int(classes_of(face(**values)))] == name


def test_every_class_is_common_enough() -> None:
    factors = sample_factors(4000, torch.Generator().manual_seed(0))
    shares = torch.bincount(classes_of(factors), minlength=len(CLASSES)) / len(factors)
    assert shares.min() > 0.05
    assert shares.max() < 0.4


def test_maps_are_those_of_the_renderer_and_the_same_every_time() -> None:
    maps = RenderedMaps(5, seed=3, size=16)
    index = torch.tensor([4, 1])
    drawn = maps[index]
    assert len(maps) == 5 and drawn.instances is None
    assert torch.equal(drawn.classes, render(maps.factors[index], 16).labels)
    assert torch.equal(RenderedMaps(5, seed=3, size=16)[index].classes, drawn.classes)
    others = RenderedMaps(5, 4, 16), RenderedMaps(6, 3, 16), RenderedMaps(5, 3, 32)
    assert len({maps.fingerprint, *(other.fingerprint for other in others)}) == 4
    with pytest.raises(UserError, match="maps=0"):
        RenderedMaps(0)
