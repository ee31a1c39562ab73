"""The optimisation of Style Intervention on a small random network."""

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Space
from pipeline.generators.stylegan2 import StyleGAN2
from pipeline.methods.intervention import (
    Objective,
    PixelLoss,
    Problem,
    Schedule,
    Solution,
    SolvedLayer,
    attribute_loss,
    merged,
    norm_loss,
    pixel_loss,
    solve,
)
from pipeline.methods.restart import Renderer, Restarting, Whole, renderer
from tests.generators.networks import small_network

NETWORK = small_network()
N = 3


def styles_of(n: int = N) -> Tensor:
    codes = NETWORK.sample(n, torch.Generator().manual_seed(3))
    codes = codes.with_values(codes.values.double())
    return NETWORK.convert(codes, Space.S).values


def problem(n: int = N, objective: Objective | None = None) -> Problem:
    random, styles = torch.Generator().manual_seed(5), styles_of(n)
    latent = 0.3 * torch.randn(n, styles.shape[1], generator=random, dtype=torch.float64)
    normal = torch.zeros(n, styles.shape[1], dtype=torch.float64)
    normal[:, ::7] = 0.5
    outside = torch.ones(n, 16, 16, dtype=torch.float64)
    outside[:, 4:12, 4:12] = 0
    with torch.no_grad():
        images = NETWORK.synthesis(styles)
    return Problem(styles, latent, normal, images, outside, objective or Objective())


def solved(how: type[Restarting] | type[Whole], schedule: Schedule) -> Solution:
    return solve(problem(), how(NETWORK, N), schedule)


def test_the_losses_are_those_of_the_equations() -> None:
    a, b = torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.5)
    outside = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    assert pixel_loss(b, a, outside, PixelLoss.MSE).item() == pytest.approx(0.25 / 4)
    assert pixel_loss(b, a, outside, PixelLoss.L2_SUM).item() == pytest.approx(0.75**0.5)
    normal, other = torch.tensor([[3.0, 0.0]]), torch.tensor([[2.0, 2.0]])
    assert attribute_loss(normal, other).item() == pytest.approx(-(0.5**0.5))
    assert norm_loss(torch.tensor([[3.0, 4.0]])).item() == pytest.approx(5.0)
    half = merged(torch.tensor([[2.0]]), torch.tensor([[4.0]]), torch.tensor([[0.5]]))
    assert half.item() == 3.0


def test_the_norm_has_no_slope_where_all_coefficients_are_zero() -> None:
    zero = torch.zeros(1, 4, requires_grad=True)
    (slope,) = torch.autograd.grad(norm_loss(zero).sum(), zero)
    assert torch.equal(slope, torch.zeros(1, 4))


@pytest.mark.parametrize("name", list(NETWORK.style_slices))
def test_a_pass_begun_at_any_layer_is_the_whole_pass(name: str) -> None:
    styles = styles_of()
    start: Renderer = renderer(NETWORK, N)
    whole: Renderer = Whole(NETWORK, N)
    for layer, part in NETWORK.style_slices.items():
        if layer == name:
            break
        start.fix(layer, styles[:, part])
        whole.fix(layer, styles[:, part])
    own = styles[:, NETWORK.style_slices[name]] * 1.3
    found, wanted = start.at(name, styles)(own), whole.at(name, styles)(own)
    torch.testing.assert_close(found, wanted)
    rows = torch.tensor([2, 0])
    few = start.keep(rows).at(name, styles[rows])(own[rows])
    torch.testing.assert_close(few, wanted[rows])


def test_restarting_finds_what_whole_passes_find() -> None:
    schedule = Schedule(steps=6, rate=0.1, patience=0)
    fast, plain = solved(Restarting, schedule), solved(Whole, schedule)
    torch.testing.assert_close(fast.coefficients, plain.coefficients, rtol=1e-6, atol=1e-8)
    torch.testing.assert_close(fast.loss, plain.loss)
    assert float(fast.coefficients.max()) > 0.2


def test_the_loss_never_rises_and_coefficients_stay_in_bounds() -> None:
    found = solved(Restarting, Schedule(steps=15, rate=0.1))
    assert bool((found.loss.diff(dim=1) <= 1e-12).all())
    assert bool((found.loss[:, -1] < 0.9 * found.loss[:, 0]).all())
    assert 0 <= float(found.coefficients.min()) <= float(found.coefficients.max()) <= 1
    last = problem()
    images = NETWORK.synthesis(last.moved(found.coefficients))
    total, pixel = last.losses(images, found.coefficients)
    torch.testing.assert_close(total, found.loss[:, -1])
    torch.testing.assert_close(pixel, found.pixel[:, -1])


def test_an_image_is_solved_as_if_it_were_alone() -> None:
    schedule = Schedule(steps=12, rate=0.1, patience=3, tolerance=0.02)
    together = solved(Restarting, schedule)
    assert len(together.steps.unique()) > 1  # some stop before others
    for row in range(N):
        index = torch.tensor([row])
        alone = solve(problem()[index], Restarting(NETWORK, 1), schedule)
        assert torch.equal(alone.steps[0], together.steps[row])
        torch.testing.assert_close(alone.coefficients[0], together.coefficients[row])


def test_an_interrupted_call_goes_on_at_the_layer_where_it_was() -> None:
    kept: dict[str, SolvedLayer] = {}
    made: list[str] = []

    def keep_until(last: int):  # type: ignore[no-untyped-def]
        def keep(name, make):  # type: ignore[no-untyped-def]
            if name not in kept:
                if len(made) == last:
                    raise KeyboardInterrupt
                made.append(name)
                kept[name] = make()
            return kept[name]

        return keep

    schedule = Schedule(steps=4, rate=0.1)
    with pytest.raises(KeyboardInterrupt):
        solve(problem(), Restarting(NETWORK, N), schedule, keep_until(4))
    found = solve(problem(), Restarting(NETWORK, N), schedule, keep_until(99))
    assert made == list(NETWORK.style_slices)  # none was solved twice
    torch.testing.assert_close(found.coefficients, solved(Restarting, schedule).coefficients)


def test_wrong_settings_are_told() -> None:
    with pytest.raises(UserError, match="pixel"):
        Objective(pixel="mae")  # type: ignore[arg-type]
    with pytest.raises(UserError, match="at least 0"):
        Objective(norm=-1)
    with pytest.raises(UserError, match="steps=0"):
        Schedule(steps=0)


def test_the_fastest_renderer_is_taken() -> None:
    assert isinstance(NETWORK, StyleGAN2)
    assert isinstance(renderer(NETWORK, 1), Restarting)
