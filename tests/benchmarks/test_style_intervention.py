"""The ways of the benchmark solve the same problem; nothing is timed here."""

import torch

from pipeline.benchmarks.style_intervention import excess, run, ways
from pipeline.generators.base import Space
from pipeline.methods.intervention import Objective, Problem, Schedule
from tests.generators.networks import small_network

NETWORK = small_network()


def problem() -> Problem:
    random = torch.Generator().manual_seed(1)
    codes = NETWORK.sample(3, random)
    styles = NETWORK.convert(codes.with_values(codes.values.double()), Space.S).values
    latent = 0.3 * torch.randn(styles.shape, generator=random, dtype=torch.float64)
    outside = torch.ones(3, 16, 16, dtype=torch.float64)
    with torch.no_grad():
        images = NETWORK.synthesis(styles)
    return Problem(styles, latent, 0.1 * torch.ones_like(latent), images, outside, Objective())


def test_all_ways_come_to_the_same_loss() -> None:
    task = problem()
    schedule = Schedule(steps=10, rate=0.1, patience=2, tolerance=1e-6)
    found = [run(way, task, NETWORK) for way in ways(schedule, batch=2)]
    plain = found[0]
    for other in found[1:-1]:  # they differ in how, not in what is computed
        torch.testing.assert_close(other.loss, plain.loss)
    assert excess(found[-1], plain, task) < 0.01
    assert [measured.steps for measured in found[:-1]] == [10.0] * 3
    assert found[-1].steps <= 10


def test_the_excess_is_counted_from_the_lowest_loss() -> None:
    task = problem()
    measured = run(ways(Schedule(steps=1), batch=3)[1], task, NETWORK)
    assert excess(measured, measured, task) == 0
