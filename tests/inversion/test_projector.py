"""Projection: schedule and regulariser in closed form, and images of the generator's own."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from pipeline.generators.base import Codes, Generator, Space
from pipeline.inversion.latents import LatentDistribution
from pipeline.inversion.projector import (
    Projection,
    ProjectionSettings,
    Schedule,
    mismatch,
    project,
    spread,
)
from tests.generators.networks import small_network
from tests.generic import QuadrantGenerator, WaveGenerator


def seeds(count: int) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(i) for i in range(count)]


def distribution(generator: Generator) -> LatentDistribution:
    return LatentDistribution.of(generator, torch.Generator().manual_seed(0))


def projected(generator: Generator, images: Tensor, settings: ProjectionSettings) -> Projection:
    return project(generator, images, distribution(generator), None, settings, seeds(len(images)))


def own_images(generator: Generator, count: int) -> Tensor:
    with torch.no_grad():
        return generator.render(generator.sample(count, torch.Generator().manual_seed(5)))


def psnr(a: Tensor, b: Tensor) -> list[float]:
    return (10 * torch.log10(4 / (a - b).square().mean((1, 2, 3)))).tolist()


def rates(settings: ProjectionSettings, losses: Sequence[float]) -> list[float]:
    schedule, found = Schedule(settings), []
    while (rate := schedule.rate()) is not None:
        found.append(rate)
        schedule.note(losses[len(found) - 1])
    return found


def test_the_rate_rises_twice_and_falls_at_last() -> None:
    settings = ProjectionSettings(steps=100, rate=2.0, plateau=0.0)
    falling = [1.0 / (i + 1) for i in range(100)]
    found = rates(settings, falling)
    assert len(found) == 100
    assert found[:5] == pytest.approx([0.4, 0.8, 1.2, 1.6, 2.0])
    assert found[5:50] == [2.0] * 45
    assert found[50:55] == pytest.approx(found[:5])
    assert found[55:75] == [2.0] * 20
    assert found[75] < 2.0 and found[-1] > 0
    middle = 1 - math.cos(math.pi * 13 / 26)
    assert found[87] == pytest.approx(middle)
    assert all(a > b for a, b in zip(found[75:], found[76:], strict=False))


def test_a_plateau_begins_the_fall_early_and_never_before_the_layers_part() -> None:
    settings = ProjectionSettings(steps=100, plateau=0.01)
    assert len(rates(settings, [1.0] * 100)) == 60 + 25  # two windows of five after the half
    assert len(rates(settings, [0.99**i for i in range(100)])) == 100  # 4.9 % per window


def test_the_exploration_vanishes_quadratically() -> None:
    schedule = Schedule(ProjectionSettings(steps=100, exploration=0.8, plateau=0.0))
    found = []
    while schedule.rate() is not None:
        found.append(schedule.exploration())
        schedule.note(1.0)
    assert found[0] == 0.8
    assert found[25] == pytest.approx(0.2)
    assert found[50:] == [0.0] * 50


@pytest.mark.parametrize("steps", [1, 2, 3, 19, 21])
def test_the_shortest_schedules_end(steps: int) -> None:
    assert len(rates(ProjectionSettings(steps=steps, plateau=0.0), [1.0] * steps)) == steps


def test_the_spread_adds_what_is_shared_and_what_every_layer_has_of_its_own() -> None:
    shared = torch.tensor([[[3.0, 4.0]], [[0.0, 0.0]]])
    own = torch.tensor([[[0.0, 0.0], [0.0, 0.0]], [[2.0, 0.0], [0.0, 2.0]]])
    assert spread(shared, own).tolist() == [12.5, 4.0]


def test_the_mismatch_adds_up() -> None:
    drawn, wanted = torch.zeros(2, 3, 4, 4), torch.ones(2, 3, 4, 4)
    wanted[1] = 0.5

    class Sum:
        name = "sum"

        def __call__(self, a: Tensor, b: Tensor) -> Tensor:
            return (b - a).sum((1, 2, 3))

    settings = ProjectionSettings(mse=2.0, perceptual=0.25)
    assert mismatch(drawn, wanted, Sum(), settings).tolist() == [2 + 12, 0.5 + 6]
    assert mismatch(drawn, wanted, None, settings).tolist() == [2, 0.5]


def test_large_images_are_perceived_at_256() -> None:
    seen: list[torch.Size] = []

    class Looking:
        name = "looking"

        def __call__(self, a: Tensor, b: Tensor) -> Tensor:
            seen.extend([a.shape, b.shape])
            return torch.zeros(len(a))

    images = torch.zeros(1, 3, 512, 512)
    mismatch(images, images, Looking(), ProjectionSettings())
    assert seen == [torch.Size([1, 3, 256, 256])] * 2


def test_the_distribution_is_that_of_the_samples() -> None:
    generator = WaveGenerator()
    found = distribution(generator)
    codes = generator.sample(8_000, torch.Generator().manual_seed(9))
    ws = generator.convert(codes, Space.W_PLUS).values.detach()
    torch.testing.assert_close(found.mean, ws.mean(0), atol=0.03, rtol=0)
    assert found.deviation == pytest.approx(float(ws.std(0).square().mean().sqrt()), rel=0.02)
    codes = found.codes(torch.ones(2, *found.mean.shape, dtype=found.mean.dtype))
    assert codes.space == Space.W_PLUS
    torch.testing.assert_close(codes.values[1], found.mean + found.deviation)


def test_truncation_does_not_narrow_the_distribution() -> None:
    generator = small_network(dtype=torch.float32)
    free = distribution(generator)
    generator.truncation_psi = 0.3
    assert distribution(generator).deviation == pytest.approx(free.deviation)
    generator.truncation_psi, generator.truncation_cutoff = 0.3, 2
    torch.testing.assert_close(distribution(generator).mean, free.mean)


def test_without_regularisation_the_best_image_is_found() -> None:
    """A linear generator has an answer: what of an image lies in the span of its patterns."""
    generator = QuadrantGenerator()
    wanted = own_images(generator, 3)
    settings = ProjectionSettings(steps=200, spread=0.0, plateau=0.0)
    found = projected(generator, wanted, settings)
    torch.testing.assert_close(generator.render(found.codes), wanted, atol=1e-3, rtol=0)


def test_the_spread_is_that_of_a_ridge_regression() -> None:
    """W of a linear generator minimises |A v - b|^2 / pixels + weight |v|^2 / w_dim."""
    generator = QuadrantGenerator()
    wanted = own_images(generator, 2)
    latents, weight = distribution(generator), 0.5
    settings = ProjectionSettings(
        space=Space.W, steps=400, exploration=0.0, spread=weight, plateau=0.0
    )
    found = project(generator, wanted, latents, None, settings, seeds(2))
    mean = latents.mean[0]
    columns = [
        generator.render(Codes(Space.W, (axis * latents.deviation)[None])).flatten()
        for axis in torch.eye(4, dtype=torch.float64)
    ]
    A = torch.stack(columns, 1)
    b = (wanted - generator.render(Codes(Space.W, mean[None]))).flatten(1)
    gram = A.T @ A / len(A) + weight / 4 * torch.eye(4, dtype=torch.float64)
    v = torch.linalg.solve(gram, A.T @ b.T / len(A)).T
    expected = mean + latents.deviation * v
    for layer in range(generator.num_ws):
        torch.testing.assert_close(found.codes.values[:, layer], expected, atol=1e-3, rtol=0)


def test_images_of_its_own_are_found_within_few_steps() -> None:
    generator = small_network(dtype=torch.float32)
    wanted = own_images(generator, 4)
    settings = ProjectionSettings(steps=150, spread=0.0, plateau=0.0)
    found = projected(generator, wanted, settings)
    assert found.codes.values.shape == (4, generator.num_ws, 6)
    assert found.codes.values.dtype == torch.float32
    with torch.no_grad():
        scale = float(wanted.abs().max())  # random weights draw images of any range
        gained = psnr(generator.render(found.codes) / scale, wanted / scale)
        mean = distribution(generator).mean[None]
        before = psnr(generator.render(Codes(Space.W_PLUS, mean)) / scale, wanted / scale)
    assert min(gained) > 30
    assert min(g - b for g, b in zip(gained, before, strict=True)) > 10


def test_w_gives_every_layer_the_same_and_w_plus_is_at_least_as_like() -> None:
    generator = WaveGenerator()
    random = torch.Generator().manual_seed(3)
    ws = 0.5 * torch.randn(2, 4, 6, generator=random, dtype=torch.float64)
    wanted = generator.render(Codes(Space.W_PLUS, ws)).detach()
    errors = {}
    for space in (Space.W, Space.W_PLUS):
        settings = ProjectionSettings(space=space, steps=120, spread=1e-4, plateau=0.0)
        values = projected(generator, wanted, settings).codes.values
        assert torch.equal(values, values[:, :1].expand_as(values)) == (space == Space.W)
        drawn = generator.render(Codes(Space.W_PLUS, values)).detach()
        errors[space] = float((drawn - wanted).square().mean())
    assert errors[Space.W_PLUS] < 0.5 * errors[Space.W]


def test_more_spread_stays_nearer_to_the_mean() -> None:
    generator = WaveGenerator()
    wanted, latents = own_images(generator, 2), distribution(generator)
    found = []
    for weight in (0.0, 0.1, 10.0):
        settings = ProjectionSettings(steps=80, spread=weight, plateau=0.0)
        values = project(generator, wanted, latents, None, settings, seeds(2)).codes.values
        found.append(float((values - latents.mean).square().mean()))
    assert found[0] > found[1] > 5 * found[2]


def test_the_same_seed_finds_the_same_code_in_any_batch() -> None:
    generator = small_network(dtype=torch.float32)
    wanted = own_images(generator, 3)
    settings = ProjectionSettings(steps=10, exploration=0.5, plateau=0.0)
    latents = distribution(generator)

    def codes(part: slice, order: list[int]) -> Tensor:
        return project(
            generator, wanted[order][part], latents, None, settings,
            [seeds(3)[i] for i in order][part],
        ).codes.values  # fmt: skip

    whole = codes(slice(None), [0, 1, 2])
    assert torch.equal(codes(slice(None), [0, 1, 2]), whole)
    torch.testing.assert_close(codes(slice(None), [2, 0, 1])[[1, 2, 0]], whole, atol=1e-4, rtol=0)
    torch.testing.assert_close(codes(slice(1), [1, 0, 2]), whole[1:2], atol=1e-4, rtol=0)


def test_progress_counts_to_what_was_taken() -> None:
    generator = WaveGenerator()
    seen: list[tuple[int, int]] = []
    settings = ProjectionSettings(steps=40, plateau=0.9)
    found = project(
        generator, own_images(generator, 1), distribution(generator), None, settings, seeds(1),
        lambda *counts: seen.append(counts),
    )  # fmt: skip
    assert found.steps == 20 + 4 + 10  # the half, two windows, the fall
    assert seen == [(i + 1, 40) for i in range(found.steps)]
