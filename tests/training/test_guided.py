"""A discriminator with a second opinion, which finds out who varies too little."""

import torch
from torch import Tensor

from pipeline.evaluators.embedded import AttributeRegressor
from pipeline.generators.discriminator import Discriminator
from pipeline.training.guided import GUIDE_FEATURES, Guide, GuidedDiscriminator, group_spread
from pipeline.training.stylegan2 import Recipe, build, train_step
from tests.training.faces import CONFIG

RECIPE = Recipe(batch=8, autocast=False, guide_from=8)


def draw(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def network() -> GuidedDiscriminator:
    torch.manual_seed(0)
    return GuidedDiscriminator((8, 8, 6), 5)


def guide() -> Guide:
    torch.manual_seed(1)
    return Guide(AttributeRegressor())


def test_the_spread_is_that_of_each_feature_over_the_batch() -> None:
    features = draw(8, 5).double()
    expected = (features.var(0, correction=0) + 1e-4).sqrt()
    torch.testing.assert_close(group_spread(features), expected.expand(8, 5))


def test_groups_are_those_of_the_minibatch_deviation() -> None:
    features = draw(16, 2)
    spread = group_spread(features)
    for first in (0, 1):
        own = features[first::2].var(0, correction=0)
        torch.testing.assert_close(spread[first::2], (own + 1e-4).sqrt().expand(8, 2))


def test_of_pixels_it_is_the_discriminator_of_stylegan2() -> None:
    guided, images = network(), draw(4, 3, 16, 16)
    plain = Discriminator((8, 8, 6))
    plain.load_state_dict(guided.state_dict(), strict=False)
    torch.testing.assert_close(guided(images), plain(images))


def test_alike_samples_are_found_out() -> None:
    """Trained against features of half the spread, single faces alike, it tells batches apart."""
    judge = network()
    optimizer = torch.optim.Adam(judge.opinion.parameters(), 0.01)
    for seed in range(150):
        varied = draw(8, 5, seed=seed)
        alike = varied.mean(0) + 0.3 * (draw(8, 5, seed=1000 + seed) - varied.mean(0))
        loss = torch.nn.functional.softplus(-judge.second_opinion(varied)).mean()
        loss = loss + torch.nn.functional.softplus(judge.second_opinion(alike)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    varied = draw(8, 5, seed=5000)
    verdict = judge.second_opinion(varied).mean() - judge.second_opinion(0.3 * varied).mean()
    assert verdict > 1


def test_the_guide_gives_summary_and_factors_and_lets_gradients_through() -> None:
    images = draw(4, 3, 64, 64).clamp(-1, 1).requires_grad_()
    features = guide()(images)
    assert features.shape == (4, GUIDE_FEATURES)
    (gradient,) = torch.autograd.grad(features.square().sum(), images)
    assert gradient.abs().amax(dim=(1, 2, 3)).min() > 0


def test_it_is_asked_from_its_image_on_and_stays_frozen() -> None:
    state, adviser = build(CONFIG, RECIPE, 0), guide()
    frozen = {k: v.clone() for k, v in adviser.regressor.state_dict().items()}
    before = {k: v.clone() for k, v in state.discriminator.opinion.state_dict().items()}
    real = draw(8, 3, 16, 16)
    assert "guided_g" not in train_step(state, real, RECIPE, adviser)
    untouched = state.discriminator.opinion.state_dict()
    assert all(torch.equal(before[k], untouched[k]) for k in before)
    assert {"guided_g", "guided_d"} <= train_step(state, real, RECIPE, adviser).keys()
    assert any(not torch.equal(before[k], untouched[k]) for k in before)
    after = adviser.regressor.state_dict()
    assert all(torch.equal(frozen[k], after[k]) for k in frozen)
