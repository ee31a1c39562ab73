"""How a generator is judged: closed forms on readings made by hand."""

import math

import pytest
import torch
from torch import Tensor

from pipeline.datasets.procfaces.factors import NAMES
from pipeline.datasets.procfaces.parts import PARTS
from pipeline.training.quality import (
    FOUND,
    Bar,
    Readings,
    assess,
    least_areas,
    sample_images,
)
from tests.generators.networks import small_network
from tests.training.faces import untrained_readers

READABLE = ("mouth_open", "yaw")


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def readings(n: int, seed: int, scale: float = 1.0) -> Readings:
    """Every part on 40 pixels; factors and features normal, with a standard deviation."""
    areas = torch.full((n, len(PARTS)), 40)
    return Readings(
        areas, scale * draw(n, len(NAMES), seed=seed), scale * draw(n, 8, seed=seed + 1)
    )


def bars(samples: Readings, data: Readings) -> dict[str, Bar]:
    return {f"{bar.kind}/{bar.name}": bar for bar in assess(samples, data, READABLE)}


def test_data_passes_its_own_bars() -> None:
    measured = bars(readings(500, 2), readings(1000, 0))
    assert set(measured) == {
        *(f"found/{part}" for part in FOUND),
        *(f"spread/{name}" for name in READABLE),
        *(f"rate/{name}" for name in ("glasses", "beard", "mouth_open", "bald")),
        "distance/fd_embedded",
    }
    assert all(bar.holds for bar in measured.values())
    assert all(bar.score.n == 500 for bar in measured.values())


def test_a_part_is_found_from_half_of_its_smallest_usual_area() -> None:
    data, samples = readings(1000, 0), readings(500, 2)
    eyes, nose = PARTS.index("eyes"), PARTS.index("nose")
    data.areas[:3, eyes] = 0  # fewer than half a percent: they do not count
    data.areas[:30, nose] = 6
    assert least_areas(data)[eyes] == 20
    assert least_areas(data)[nose] == 3
    samples.areas[:25, eyes] = 19
    samples.areas[:5, nose] = 2
    measured = bars(samples, data)
    assert measured["found/eyes"].score.value == pytest.approx(0.95)
    assert not measured["found/eyes"].holds
    assert measured["found/nose"].score.value == pytest.approx(0.99)
    assert measured["found/nose"].holds


def test_a_part_that_may_be_absent_needs_one_pixel() -> None:
    data = readings(1000, 0)
    data.areas[:100] = 0
    assert least_areas(data).eq(1).all()


def test_spreads_are_ratios_of_standard_deviations() -> None:
    samples, data = readings(500, 2, scale=0.6), readings(1000, 0)
    bar = bars(samples, data)["spread/yaw"]
    column = NAMES.index("yaw")
    expected = samples.factors[:, column].std() / data.factors[:, column].std()
    assert bar.score.value == pytest.approx(float(expected))
    assert bar.score.low < bar.score.value < bar.score.high < 0.7
    assert not bar.holds


def test_rates_are_counted_from_half_of_the_least_value() -> None:
    """Glasses are there from 0.95 on, so 0.475 divides them; a mouth is open from 0.125 on."""
    samples, data = readings(500, 2), readings(1000, 0)
    for name, least in (("glasses", 0.475), ("mouth_open", 0.125)):
        column = NAMES.index(name)
        data.factors[:, column] = least - 0.01
        data.factors[:300, column] = least + 0.01
        samples.factors[:, column] = least - 0.01
        samples.factors[:75, column] = least + 0.01
    measured = bars(samples, data)
    assert measured["rate/glasses"].score.value == pytest.approx(0.5)
    assert measured["rate/glasses"].detail == "15.0% of samples, 30.0% of the data"
    assert not measured["rate/glasses"].holds
    assert measured["rate/mouth_open"].score.value == pytest.approx(0.5)


def test_the_distance_is_in_units_of_that_between_halves_of_the_data() -> None:
    data, samples = readings(1000, 0), readings(500, 2)
    assert 0.3 < bars(samples, data)["distance/fd_embedded"].score.value < 3
    halves = Readings(data.areas[500:], data.factors[500:], data.features[500:])
    assert bars(halves, data)["distance/fd_embedded"].score.value == pytest.approx(1)
    samples.features.add_(1.0)  # moves the mean by 1 in each of 8 coordinates
    moved = bars(samples, data)["distance/fd_embedded"]
    assert float(moved.detail.split(",")[0]) == pytest.approx(8, abs=1)
    assert moved.score.low < moved.score.value < moved.score.high
    assert not moved.holds


def test_the_same_samples_however_many_at_once() -> None:
    network = small_network(dtype=torch.float32)
    images = torch.cat(list(sample_images(network, 65, seed=3)))
    assert images.shape == (65, 3, 16, 16)
    assert float(images.abs().max()) == 1
    codes = network.sample(65, torch.Generator().manual_seed(3))
    torch.testing.assert_close(images, network.render(codes).clamp(-1, 1))


def test_readers_read_what_the_evaluators_say() -> None:
    readers = untrained_readers()
    images = draw(5, 3, 64, 64).clamp(-1, 1)
    read = readers.read([images[:2], images[2:]])
    assert len(read) == 5
    assert read.areas.sum(1).eq(64 * 64).all()
    labels = readers.parser.parse(images)
    assert torch.equal(read.areas[:, 1], (labels == 1).sum((1, 2)))
    torch.testing.assert_close(read.factors, readers.regressor.predict(images))
    torch.testing.assert_close(read.features, readers.features(images))
    assert math.isclose(float(read[1:3].areas.sum()), 2 * 64 * 64)
