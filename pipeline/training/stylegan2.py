"""One training step of a StyleGAN2, alone or as one of several processes that average gradients."""

import random
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.generators.base import Codes, Space
from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config
from pipeline.training.guided import GUIDE_FEATURES, Guide, GuidedDiscriminator
from pipeline.training.losses import (
    discriminator_loss,
    generator_loss,
    path_length_penalty,
    path_lengths,
    r1_penalty,
)
from pipeline.training.processes import average
from pipeline.training.state import TrainingState, new_state, update_ema

StyleGAN2State = TrainingState[StyleGAN2, GuidedDiscriminator]


@dataclass(frozen=True)
class Recipe:
    """Hyper-parameters of a StyleGAN2 training.

    Attributes:
        batch: images per step over all processes.
        learning_rate: of both networks, before the correction for lazy penalties.
        r1_gamma: weight of R1.
        r1_interval: steps from one R1 penalty to the next; it is computed in float32.
        path_weight: weight of the path length penalty.
        path_interval: steps from one to the next; on half a batch, in float32.
        mixing: probability of style mixing.
        ema_half_life: of the averaged generator, in images; shorter in the beginning.
        guide_from: images shown until the guide's features are judged too.
        guide_weight: weight of the generator's loss by them.
        guide_gamma: weight of R1 on them.
        autocast: bfloat16 for everything but the penalties.
    """

    batch: int = 16
    learning_rate: float = 2.5e-3
    r1_gamma: float = 0.2
    r1_interval: int = 16
    path_weight: float = 2.0
    path_interval: int = 8
    mixing: float = 0.5
    ema_half_life: float = 10_000
    guide_from: int = 0
    guide_weight: float = 0.3
    guide_gamma: float = 0.5
    autocast: bool = True


def build(
    config: StyleGAN2Config, recipe: Recipe, seed: int, device: str = "cpu"
) -> StyleGAN2State:
    """Networks and optimisers at the beginning of a training; the seed decides the weights."""
    torch.manual_seed(seed)
    generator = StyleGAN2(config).to(memory_format=torch.channels_last).to(device)
    discriminator = GuidedDiscriminator(config.channels, GUIDE_FEATURES)
    discriminator = discriminator.to(memory_format=torch.channels_last).to(device)
    rate = recipe.learning_rate
    return new_state(generator, discriminator, rate, recipe.path_interval, recipe.r1_interval)


def train_step(
    state: StyleGAN2State, real: Tensor, recipe: Recipe, guide: Guide | None = None
) -> dict[str, float]:
    """One update of both networks from this process's share of real images ``[n, 3, r, r]``.

    The discriminator judges the generator's images once: both losses are taken from the same
    logits, each with its own backward pass. Randomness is torch's and Python's global one, which
    the caller seeds. Returns the losses.
    """
    step = state.images // recipe.batch
    generator, discriminator = state.generator, state.discriminator
    if state.images < recipe.guide_from:
        guide = None
    with torch.autocast(real.device.type, torch.bfloat16, enabled=recipe.autocast):
        fake = generator.synthesis(_mixed_styles(generator, len(real), recipe.mixing), "random")
        judged = fake.detach().requires_grad_()
        fake_logits = discriminator(judged)
        real_logits = discriminator(real)
    loss_g = generator_loss(fake_logits)
    loss_d = discriminator_loss(real_logits, fake_logits)
    losses = {"loss_g": loss_g.item(), "loss_d": loss_d.item()}
    if guide is not None:
        guided_g, guided_d = _guided_losses(state, real, judged, recipe, guide)
        losses |= {"guided_g": guided_g.item(), "guided_d": guided_d.item()}
        loss_g = loss_g + recipe.guide_weight * guided_g
        loss_d = loss_d + guided_d
    (gradient,) = torch.autograd.grad(loss_g, judged, retain_graph=True)
    fake.backward(gradient)
    loss_d.backward(inputs=list(discriminator.parameters()))
    if step % recipe.path_interval == 0:
        losses["path_length"] = _regularise_paths(state, len(real), recipe)
    if step % recipe.r1_interval == 0:
        losses["r1"] = _regularise_discriminator(state, real, recipe)
    update(generator, state.generator_optimizer)
    update(discriminator, state.discriminator_optimizer)
    state.images += recipe.batch
    half_life = min(recipe.ema_half_life, 0.05 * state.images)
    update_ema(state.ema, generator, 0.5 ** (recipe.batch / half_life))
    return losses


def _guided_losses(
    state: StyleGAN2State, real: Tensor, fake: Tensor, recipe: Recipe, guide: Guide
) -> tuple[Tensor, Tensor]:
    """Losses of both networks by the guide's features, R1 on these included."""
    judge = state.discriminator.second_opinion
    with torch.autocast(real.device.type, torch.bfloat16, enabled=recipe.autocast):
        with torch.no_grad():
            seen = guide(real)
        imagined = guide(fake)
    seen = seen.float().requires_grad_()
    real_logits, fake_logits = judge(seen), judge(imagined.float())
    penalty = r1_penalty(real_logits, seen, recipe.guide_gamma)
    return generator_loss(fake_logits), discriminator_loss(real_logits, fake_logits) + penalty


def _mixed_styles(generator: StyleGAN2, n: int, probability: float) -> Tensor:
    """Styles of new samples; with a probability, w changes at a random layer (style mixing)."""
    z = torch.randn(2, n, generator.config.z_dim, device=generator.mapping.w_avg.device)
    w = generator.mapping(z[0])
    generator.mapping.track_mean(w)
    ws = w.unsqueeze(1).expand(-1, generator.num_ws, -1)
    if random.random() < probability:
        crossover = random.randrange(1, generator.num_ws)
        other = generator.mapping(z[1]).unsqueeze(1)
        ws = torch.cat([ws[:, :crossover], other.expand_as(ws)[:, crossover:]], dim=1)
    return generator.synthesis.styles(ws)


def _regularise_paths(state: StyleGAN2State, n: int, recipe: Recipe) -> float:
    generator = state.generator
    z = torch.randn(max(n // 2, 1), generator.config.z_dim, device=state.path_mean.device)
    ws = generator.convert(Codes(Space.Z, z), Space.W_PLUS).values
    images = generator.render(Codes(Space.W_PLUS, ws), noise="random")
    lengths = path_lengths(images, ws, torch.randn_like(images))
    penalty, state.path_mean = path_length_penalty(lengths, state.path_mean, recipe.path_weight)
    (penalty * recipe.path_interval).backward()
    average([state.path_mean])
    return float(lengths.detach().mean())


def _regularise_discriminator(state: StyleGAN2State, real: Tensor, recipe: Recipe) -> float:
    images = real.detach().requires_grad_()
    penalty = r1_penalty(state.discriminator(images), images, recipe.r1_gamma)
    (penalty * recipe.r1_interval).backward()
    return penalty.item()


def update(network: nn.Module, optimizer: torch.optim.Adam) -> None:
    """One step of an optimiser with the gradients' mean over all processes."""
    average([p.grad for p in network.parameters() if p.grad is not None])
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
