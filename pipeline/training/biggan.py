"""Training of a small BigGAN on the faces of the embedded domain, class by class.

A class-conditional GAN with a supervised beginning, for machines without a GPU: part of each batch
reconstructs renders from codes that stand for the factors they were drawn from
(:mod:`pipeline.training.normal_codes`). That shows the generator faces from the first step on and
covers all of them; the adversary comes in later and makes samples of the prior sharp.
"""

import copy
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor
from torch.optim import Adam

from pipeline.datasets.face_classes import CLASSES, classes_of
from pipeline.datasets.procfaces.dataset import RenderedFaces
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.biggan import BigGAN, BigGANConfig
from pipeline.generators.layers import EqualizedLinear
from pipeline.generators.layers_biggan import Spectral, StoredBatchNorm
from pipeline.training.guided import GUIDE_FEATURES, Guide, GuidedDiscriminator, group_spread
from pipeline.training.loop import Batches, Training
from pipeline.training.losses import discriminator_loss, generator_loss, r1_penalty
from pipeline.training.normal_codes import NormalCodes
from pipeline.training.state import TrainingState, lazy_adam, update_ema
from pipeline.training.stylegan2 import update

SETTLING, SETTLED_BY = 8, 64
"""Batches and samples in each that the averaged generator's norms are taken of."""

ITERATIONS = 30
"""Steps of power iteration to each layer's spectral norm, for the averaged generator."""

OPINION_WIDTH = 128


@dataclass(frozen=True)
class Recipe:
    """Hyper-parameters of a BigGAN training.

    Attributes:
        judge_channels: of the discriminator, from 4 x 4 up.
        batch: images per step over all processes.
        reconstructed: share of them that is, once there is an adversary; all, before.
        adversary_from: images shown until the adversary comes in.
        reconstruction_weight: weight of the reconstructions' mean absolute error.
        generator_rate: learning rate of the generator.
        discriminator_rate: of the discriminator, before the correction for lazy penalties; its
            weights are of unit size (equalised learning rate), the generator's are not.
        r1_gamma: weight of R1.
        r1_interval: steps from one R1 penalty to the next; it is computed in float32.
        ema_half_life: of the averaged generator, in images; shorter in the beginning.
        guide_from: images shown until the guide's features are judged too.
        guide_weight: weight of the generator's loss by them.
        guide_gamma: weight of R1 on them.
        autocast: bfloat16 for everything but the penalties.
    """

    judge_channels: tuple[int, ...] = (96, 96, 64, 40, 20)
    batch: int = 8
    reconstructed: float = 0.25
    adversary_from: int = 16_000
    reconstruction_weight: float = 10.0
    generator_rate: float = 1e-3
    discriminator_rate: float = 2e-3
    r1_gamma: float = 0.2
    r1_interval: int = 16
    ema_half_life: float = 5_000
    guide_from: int = 0
    guide_weight: float = 0.3
    guide_gamma: float = 0.5
    autocast: bool = True


class ClassDiscriminator(GuidedDiscriminator):
    """A guided discriminator that asks whether an image is real and of its class.

    Both opinions add a projection on the class (Miyato & Koyama 2018, Eq. 3) to their logit.
    """

    def __init__(self, channels: tuple[int, ...], features: int, classes: int) -> None:
        super().__init__(channels, features, OPINION_WIDTH)
        self.of_class = EqualizedLinear(channels[0], classes)
        self.opinion_of_class = EqualizedLinear(OPINION_WIDTH, classes)

    def judge(self, images: Tensor, labels: Tensor) -> Tensor:
        """Logits ``[n]`` of images of classes ``[n]``."""
        seen = self.summarise(images)
        logits: Tensor = self.out(seen).squeeze(1)
        return logits + _own(self.of_class(seen), labels)

    def judge_features(self, features: Tensor, labels: Tensor) -> Tensor:
        """Logits ``[n]`` from features ``[n, features]``, their spread and classes ``[n]``."""
        *hidden, out = self.opinion
        seen = torch.cat([features, group_spread(features)], dim=1)
        for layer in hidden:
            seen = layer(seen)
        logits: Tensor = out(seen).squeeze(1)
        return logits + _own(self.opinion_of_class(seen), labels)


def _own(logits: Tensor, labels: Tensor) -> Tensor:
    return logits.gather(1, labels[:, None]).squeeze(1)


BigGANState = TrainingState[BigGAN, ClassDiscriminator]


class Batch(NamedTuple):
    """Renders ``[n, 3, r, r]``, their classes ``[n]`` and their codes ``[n, z_dim]``."""

    images: Tensor
    labels: Tensor
    codes: Tensor


@dataclass(frozen=True)
class BigGANTraining(Training):
    """A BigGAN's training on rendered faces, every class as often as any other."""

    config: BigGANConfig
    recipe: Recipe = field(default_factory=Recipe)

    def begin(self) -> BigGANState:
        """Networks and optimisers at the beginning; the seed decides the weights."""
        return build(self.config, self.recipe, self.seed, self.device)

    def batches(self, data: RenderedFaces) -> Batches:
        """Images, their classes, which are drawn first, and their codes."""
        factors = data.factors(torch.arange(len(data)))
        labels, chunks = classes_of(factors), len(self.config.channels)
        codes = NormalCodes(factors, labels, self.config.z_dim // chunks, chunks)
        members = [(labels == i).nonzero().squeeze(1) for i in range(len(CLASSES))]
        members = [m for m in members if len(m)]

        def draw(n: int) -> tuple[Tensor, ...]:
            chosen = torch.randint(len(members), (n,)).tolist()
            index = torch.stack([members[i][torch.randint(len(members[i]), ())] for i in chosen])
            return data.images(index), labels[index], codes.draw(index)

        return draw

    def step(
        self, state: BigGANState, batch: tuple[Tensor, ...], guide: Guide | None
    ) -> dict[str, float]:
        """One update of both networks; returns the losses."""
        return train_step(state, Batch(*batch), self.recipe, guide)

    def settle(self, network: Generator) -> None:
        """Take the statistics of the norms anew, see :func:`settle`."""
        settle(network, self.seed)


def build(config: BigGANConfig, recipe: Recipe, seed: int, device: str = "cpu") -> BigGANState:
    """Networks and optimisers at the beginning of a training."""
    torch.manual_seed(seed)
    generator = BigGAN(config).to(memory_format=torch.channels_last).to(device)
    discriminator = ClassDiscriminator(recipe.judge_channels, GUIDE_FEATURES, config.num_classes)
    discriminator = discriminator.to(memory_format=torch.channels_last).to(device)
    rate = recipe.discriminator_rate
    return TrainingState(
        generator,
        discriminator,
        copy.deepcopy(generator).eval().requires_grad_(False),
        Adam(generator.parameters(), lr=recipe.generator_rate, betas=(0.0, 0.99), eps=1e-8),
        lazy_adam(discriminator.parameters(), rate, recipe.r1_interval),
    )


def train_step(
    state: BigGANState, batch: Batch, recipe: Recipe, guide: Guide | None = None
) -> dict[str, float]:
    """One update of the networks; returns the losses.

    The discriminator judges the generator's images once: both losses are taken from the same
    logits, each with its own backward pass. Randomness is torch's global one, which the caller
    seeds.
    """
    generator, adversary = state.generator, state.images >= recipe.adversary_from
    count = round(recipe.reconstructed * len(batch.images)) if adversary else len(batch.images)
    fake = _paint(generator, batch, count, recipe)
    error = _error(fake[:count].float(), batch.images[:count])
    losses, loss = {"error": error.item()}, recipe.reconstruction_weight * error
    if adversary:
        gradient = _oppose(state, fake, batch, recipe, guide, losses)
        torch.autograd.backward([loss, fake], [torch.ones_like(loss), gradient])
        update(state.discriminator, state.discriminator_optimizer)
    else:
        loss.backward()
    update(generator, state.generator_optimizer)
    state.images += recipe.batch
    half_life = min(recipe.ema_half_life, 0.05 * state.images)
    update_ema(state.ema, generator, 0.5 ** (recipe.batch / half_life))
    return losses


def _paint(generator: BigGAN, batch: Batch, count: int, recipe: Recipe) -> Tensor:
    """Images of the batch's classes, the first ``count`` of them reconstructions."""
    prior = torch.randn_like(batch.codes[count:])
    z = torch.cat([batch.codes[:count], prior])
    with torch.autocast(z.device.type, torch.bfloat16, enabled=recipe.autocast):
        return generator.render(Codes(Space.Z, z, batch.labels))


def _error(images: Tensor, targets: Tensor) -> Tensor:
    """Mean absolute error of values, and of differences of neighbours, where edges count."""
    error = images - targets
    rows, columns = error.diff(dim=2).abs().mean(), error.diff(dim=3).abs().mean()
    return error.abs().mean() + rows + columns


def _oppose(
    state: BigGANState,
    fake: Tensor,
    batch: Batch,
    recipe: Recipe,
    guide: Guide | None,
    losses: dict[str, float],
) -> Tensor:
    """Gradients of the discriminator, and what it wants of the generator's images."""
    step, discriminator = state.images // recipe.batch, state.discriminator
    real, labels = batch.images, batch.labels
    with torch.autocast(real.device.type, torch.bfloat16, enabled=recipe.autocast):
        judged = fake.detach().float().requires_grad_()
        fake_logits = discriminator.judge(judged, labels)
        real_logits = discriminator.judge(real, labels)
    loss_g, loss_d = generator_loss(fake_logits), discriminator_loss(real_logits, fake_logits)
    losses |= {"loss_g": loss_g.item(), "loss_d": loss_d.item()}
    if guide is not None and state.images >= recipe.guide_from:
        guided_g, guided_d = _guided_losses(state, real, judged, labels, recipe, guide)
        losses |= {"guided_g": guided_g.item(), "guided_d": guided_d.item()}
        loss_g = loss_g + recipe.guide_weight * guided_g
        loss_d = loss_d + guided_d
    (gradient,) = torch.autograd.grad(loss_g, judged, retain_graph=True)
    loss_d.backward(inputs=list(discriminator.parameters()))
    if step % recipe.r1_interval == 0:
        losses["r1"] = _regularise(discriminator, real, labels, recipe)
    return gradient.to(fake.dtype)


def _guided_losses(
    state: BigGANState, real: Tensor, fake: Tensor, labels: Tensor, recipe: Recipe, guide: Guide
) -> tuple[Tensor, Tensor]:
    """Losses of both networks by the guide's features, R1 on these included."""
    judge = state.discriminator.judge_features
    with torch.autocast(real.device.type, torch.bfloat16, enabled=recipe.autocast):
        with torch.no_grad():
            seen = guide(real)
        imagined = guide(fake)
    seen = seen.float().requires_grad_()
    real_logits, fake_logits = judge(seen, labels), judge(imagined.float(), labels)
    penalty = r1_penalty(real_logits, seen, recipe.guide_gamma)
    return generator_loss(fake_logits), discriminator_loss(real_logits, fake_logits) + penalty


def _regularise(
    discriminator: ClassDiscriminator, real: Tensor, labels: Tensor, recipe: Recipe
) -> float:
    images = real.detach().requires_grad_()
    penalty = r1_penalty(discriminator.judge(images, labels), images, recipe.r1_gamma)
    (penalty * recipe.r1_interval).backward()
    return penalty.item()


@torch.no_grad()
def settle(network: Generator, seed: int, batches: int = SETTLING) -> None:
    """Standing statistics (Brock et al. 2019, appendix C.1): norms take means over many samples.

    Spectral vectors go to where power iteration ends. The network stays in evaluation mode.
    """
    spectral = [m for m in network.modules() if isinstance(m, Spectral)]
    norms = [m for m in network.modules() if isinstance(m, StoredBatchNorm)]
    for layer in spectral:
        for _ in range(ITERATIONS):
            layer.follow()
    codes = network.sample(batches * SETTLED_BY, torch.Generator().manual_seed(seed))
    for norm in norms:
        norm.train()
    for batch in range(batches):
        for norm in norms:
            norm.momentum = 1 / (batch + 1)
        network.render(codes[batch * SETTLED_BY : (batch + 1) * SETTLED_BY])
    for norm in norms:
        norm.momentum = StoredBatchNorm.momentum
        norm.eval()
