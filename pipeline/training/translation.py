"""Training of small translators: StarGAN (Choi et al. 2018) and AttGAN (He et al. 2019).

Both are taught by a critic with the Wasserstein loss and a penalty on its gradients (Gulrajani et
al. 2017), which also classifies: what it reads off a translated picture must be what was asked for.
They differ in what keeps the rest: StarGAN goes there and back again (Eq. 4), AttGAN translates a
picture to what it is already (Eq. 2). A short training of a StarGAN needs the latter too, and to
begin with it: norms of every picture make colours hard to keep.
"""

import copy
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Adam
from torchvision.utils import save_image

from pipeline.datasets.attribute_faces import AttributeFaces
from pipeline.training.guided import Guide
from pipeline.training.loop import Batches, Training
from pipeline.training.state import TrainingState, update_ema
from pipeline.training.stylegan2 import update
from pipeline.translators.attgan import AttGAN, AttGANConfig
from pipeline.translators.base import Translator, TranslatorConfig
from pipeline.translators.critics import PatchCritic, WholeCritic
from pipeline.translators.stargan import StarGAN, StarGANConfig

TranslatorState = TrainingState[Translator, nn.Module]

SHEET = 16  # faces on a sheet


@dataclass(frozen=True)
class Recipe:
    """Hyper-parameters of a translator's training.

    Attributes:
        adversary_from: pictures until the critic comes in; before, they are reconstructed only.
        batch: pictures per step over all processes.
        learning_rate: of the translator.
        critic_rate: of the critic.
        critic_channels: of its first layer.
        critic_layers: how many halve the size.
        critic_steps: steps of the critic to one of the translator (the papers' 5).
        cycle_weight: of the mean absolute error of going there and back.
        reconstruction_weight: of that of translating a picture to what it is already.
        class_weight: of the classification of translated pictures.
        critic_class_weight: of the classification of real ones.
        penalty_weight: of the critic's gradients.
        ema_half_life: of the averaged translator, in pictures; shorter in the beginning.
        autocast: bfloat16, for the translator.
    """

    adversary_from: int = 0
    batch: int = 16
    learning_rate: float = 1e-3
    critic_rate: float = 1e-3
    critic_channels: int = 16
    critic_layers: int = 4
    critic_steps: int = 2
    cycle_weight: float = 10.0
    reconstruction_weight: float = 10.0
    class_weight: float = 1.0
    critic_class_weight: float = 1.0
    penalty_weight: float = 10.0
    ema_half_life: float = 2_000
    autocast: bool = True


STARGAN = Recipe(adversary_from=24_000)
"""Weights of section 4.2 of its paper, which goes there and back from the beginning."""

ATTGAN = Recipe(cycle_weight=0.0, reconstruction_weight=100.0, class_weight=10.0)
"""Weights of section IV of its paper."""


@dataclass(frozen=True)
class TranslatorTraining(Training):
    """A translator's training on renders and the attributes that they have."""

    config: TranslatorConfig
    recipe: Recipe = field(default_factory=lambda: STARGAN)

    def open(self) -> AttributeFaces:
        """Faces with the translator's attributes."""
        return AttributeFaces(self.data, self.config.attributes)

    def begin(self) -> TranslatorState:
        """Networks and optimisers at the beginning; the seed decides the weights."""
        return build(self.config, self.recipe, self.seed, self.device)

    def batches(self, data: AttributeFaces) -> Batches:  # type: ignore[override]
        """Images and their labels."""

        def draw(n: int) -> tuple[Tensor, ...]:
            index = torch.randint(len(data), (n,))
            return data.images(index), data.labels(index)

        return draw

    def step(
        self, state: TranslatorState, batch: tuple[Tensor, ...], guide: Guide | None
    ) -> dict[str, float]:
        """One update; see :func:`train_step`."""
        images, labels = batch
        return train_step(state, images, labels, self.recipe)

    def draw(self, network: nn.Module, path: Path, seed: int) -> None:
        """Write faces, what becomes of them unedited, and each attribute turned round."""
        data = self.open()
        index = torch.arange(len(data) - min(SHEET, len(data)), len(data))
        rows = flips(network, data.images(index).to(self.device), data.labels(index))
        save_image(rows, path, nrow=len(index), normalize=True, value_range=(-1, 1))


@torch.inference_mode()
def flips(network: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Rows of pictures ``[(2 + k) n, 3, h, w]``: as they are, reconstructed, attributes flipped."""
    rows = [images]
    for column in (None, *range(labels.shape[1])):
        wanted = labels.clone()
        if column is not None:
            wanted[:, column] = 1 - wanted[:, column]
        rows.append(network(images, network.vectors(wanted).to(images)))  # type: ignore[operator]
    return torch.cat(rows).float().clamp(-1, 1).cpu()


def make(config: TranslatorConfig) -> Translator:
    """The network of a configuration."""
    if isinstance(config, AttGANConfig):
        return AttGAN(config)
    if isinstance(config, StarGANConfig):
        return StarGAN(config)
    raise TypeError(f"{type(config).__name__} is no translator's")


def build(
    config: TranslatorConfig, recipe: Recipe, seed: int, device: str = "cpu"
) -> TranslatorState:
    """Networks and optimisers at the beginning of a training."""
    torch.manual_seed(seed)
    generator = make(config).to(device).to(memory_format=torch.channels_last)
    kind = PatchCritic if isinstance(generator, StarGAN) else WholeCritic
    shape = (recipe.critic_channels, recipe.critic_layers, config.resolution)
    critic = kind(len(config.attributes), *shape).to(device)
    critic = critic.to(memory_format=torch.channels_last)
    betas = (0.5, 0.999)
    return TrainingState(
        generator,
        critic,
        copy.deepcopy(generator).eval().requires_grad_(False),
        Adam(generator.parameters(), lr=recipe.learning_rate, betas=betas),
        Adam(critic.parameters(), lr=recipe.critic_rate, betas=betas),
    )


def train_step(
    state: TranslatorState, images: Tensor, labels: Tensor, recipe: Recipe
) -> dict[str, float]:
    """One update of the critic, and one of the translator when it is its turn.

    Before :attr:`Recipe.adversary_from` one of the translator alone.

    Args:
        state: networks and optimisers.
        images: ``[n, 3, h, w]`` in [-1, 1].
        labels: ``[n, k]`` of 0 and 1; the wanted ones are those of other pictures of the batch.
        recipe: weights of the losses.

    Returns:
        The losses.
    """
    if state.images < recipe.adversary_from:
        losses = _teach_to_keep(state, images, labels, recipe)
    else:
        wanted = labels[torch.randperm(len(labels), device="cpu").to(labels.device)]
        losses = _teach_critic(state, images, labels, wanted, recipe)
        if (state.images // recipe.batch + 1) % recipe.critic_steps == 0:
            losses |= _teach_translator(state, images, labels, wanted, recipe)
    state.images += recipe.batch
    return losses


def _teach_to_keep(
    state: TranslatorState, images: Tensor, labels: Tensor, recipe: Recipe
) -> dict[str, float]:
    """Translate pictures to what they are."""
    with _cast(images, recipe):
        kept = state.generator(images, state.generator.vectors(labels))
    error = (kept.float() - images).abs().mean()
    # Weighed as it will be later: Adam would take a sudden change of scale for very long steps.
    ((recipe.cycle_weight + recipe.reconstruction_weight) * error).backward()
    _advance(state, recipe, recipe.batch)
    return {"reconstruction": error.item()}


def _teach_critic(
    state: TranslatorState, images: Tensor, labels: Tensor, wanted: Tensor, recipe: Recipe
) -> dict[str, float]:
    """Tell real pictures from translated ones, and read the attributes of real ones."""
    generator, critic = state.generator, state.discriminator
    with torch.no_grad(), _cast(images, recipe):
        fake = generator(images, generator.vectors(wanted))
    of_real, logits = critic(images)
    of_fake, _ = critic(fake.float())
    apart = of_real.mean() - of_fake.mean()
    classes = classification(logits, labels)
    penalty = gradient_penalty(critic, images, fake.float())
    loss = -apart + recipe.critic_class_weight * classes + recipe.penalty_weight * penalty
    loss.backward()
    update(critic, state.discriminator_optimizer)
    losses = {"distance": apart, "classes": classes, "penalty": penalty}
    return {name: value.item() for name, value in losses.items()}


def _teach_translator(
    state: TranslatorState, images: Tensor, labels: Tensor, wanted: Tensor, recipe: Recipe
) -> dict[str, float]:
    """Look real, show what was asked for, and keep the rest."""
    generator, critic = state.generator, state.discriminator
    own = generator.vectors(labels)
    with _cast(images, recipe):
        fake = generator(images, generator.vectors(wanted))
        returned = generator(fake, own) if recipe.cycle_weight else images
        kept = generator(images, own)
    score, logits = critic(fake.float())
    classes = classification(logits, wanted)
    cycle, error = ((x.float() - images).abs().mean() for x in (returned, kept))
    loss = -score.mean() + recipe.class_weight * classes
    loss = loss + recipe.cycle_weight * cycle + recipe.reconstruction_weight * error
    loss.backward(inputs=list(generator.parameters()))
    _advance(state, recipe, recipe.critic_steps * recipe.batch)
    losses = {"translated_classes": classes, "cycle": cycle, "reconstruction": error}
    return {name: value.item() for name, value in losses.items()}


def _advance(state: TranslatorState, recipe: Recipe, pictures: int) -> None:
    """A step of the translator and of its average, so many pictures after the last one."""
    update(state.generator, state.generator_optimizer)
    half_life = min(recipe.ema_half_life, 0.05 * state.images + recipe.batch)
    update_ema(state.ema, state.generator, 0.5 ** (pictures / half_life))


def classification(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of every attribute, summed over them and averaged over pictures (Eq. 2, 3)."""
    each = F.binary_cross_entropy_with_logits(logits, labels, reduction="none")
    return each.sum(1).mean()


def gradient_penalty(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """Squared distance from 1 of the score's gradient norm, at places between real and fake.

    Args:
        critic: gives scores and logits.
        real: ``[n, 3, h, w]``.
        fake: likewise.
    """
    share = torch.rand(len(real), 1, 1, 1).to(real)
    between = torch.lerp(fake.detach(), real, share).requires_grad_()
    score, _ = critic(between)
    (gradient,) = torch.autograd.grad(score.sum(), between, create_graph=True)
    excess: Tensor = gradient.flatten(1).norm(dim=1) - 1
    return excess.square().mean()


def _cast(images: Tensor, recipe: Recipe) -> torch.autocast:
    return torch.autocast(images.device.type, torch.bfloat16, enabled=recipe.autocast)
