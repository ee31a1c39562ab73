"""A discriminator that reads factors, and finds out who varies them too little."""

import torch
from torch import Tensor

from pipeline.datasets.procfaces.factors import FACTORS
from pipeline.generators.discriminator import Discriminator
from pipeline.training.reading import ReadingDiscriminator, group_spread
from pipeline.training.stylegan2 import Recipe, build, train_step
from tests.training.faces import CONFIG

RECIPE = Recipe(batch=8, autocast=False, reading_from=16, learning_rate=0.01)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def network() -> ReadingDiscriminator:
    torch.manual_seed(0)
    return ReadingDiscriminator((8, 8, 6), 5)


def test_the_spread_is_that_of_each_reading_over_the_batch() -> None:
    readings = draw(8, 5).double()
    expected = (readings.var(0, correction=0) + 1e-4).sqrt()
    torch.testing.assert_close(group_spread(readings), expected.expand(8, 5), atol=1e-6, rtol=1e-6)


def test_groups_are_those_of_the_minibatch_deviation() -> None:
    readings = draw(16, 2)
    spread = group_spread(readings)
    for first in (0, 1):
        own = readings[first::2].var(0, correction=0)
        torch.testing.assert_close(spread[first::2], (own + 1e-4).sqrt().expand(8, 2))


def test_without_reading_it_is_the_discriminator_of_stylegan2() -> None:
    reading, images = network(), draw(4, 3, 16, 16)
    plain = Discriminator((8, 8, 6))
    plain.load_state_dict(reading.state_dict(), strict=False)
    torch.testing.assert_close(reading(images), plain(images))


def test_logits_hear_of_the_readings() -> None:
    reading, images = network(), draw(8, 3, 16, 16)
    logits, readings = reading.read(images)
    assert (logits.shape, readings.shape) == ((8,), (8, 5))
    assert (logits - reading(images)).abs().max() > 1e-3


def test_alike_samples_are_found_out() -> None:
    """The spread itself reaches the logits: readings shrunk to their mean change the verdict."""
    reading = network()
    varied = draw(8, 5)
    alike = varied.mean(0).expand(8, 5)
    about = [torch.cat([alike, group_spread(r)], dim=1) for r in (varied, alike)]
    first, second = (reading.reading_logit(a) for a in about)
    assert (first - second).abs().min() > 1e-3


def test_reading_begins_when_it_should_and_is_learned() -> None:
    state = build(CONFIG, RECIPE, 0)
    real, factors = draw(8, 3, 16, 16), draw(8, len(FACTORS))
    before = {k: v.clone() for k, v in state.discriminator.reader.state_dict().items()}
    shown = [train_step(state, real, factors, RECIPE) for _ in range(2)]
    assert all("loss_r" not in losses for losses in shown)
    after = state.discriminator.reader.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    errors = [train_step(state, real, factors, RECIPE)["loss_r"] for _ in range(60)]
    assert errors[-1] < 0.9 * errors[0]  # small networks learn 42 random numbers slowly
