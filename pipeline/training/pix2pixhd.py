"""Training of a small pix2pixHD: part maps of rendered faces to the renders (Wang et al. 2018)."""

import copy
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.optim import Adam

from pipeline.datasets.procfaces.dataset import RenderedFaces
from pipeline.datasets.procfaces.parts import PARTS
from pipeline.datasets.rendered_maps import RenderedMaps
from pipeline.generators.base import Codes, Space
from pipeline.generators.label_maps import LabelMaps, one_hot
from pipeline.generators.pix2pixhd import Pix2PixHD, Pix2PixHDConfig
from pipeline.training.guided import Guide
from pipeline.training.loop import Batches, Training
from pipeline.training.patches import MultiscaleDiscriminator, adversarial_loss, feature_matching
from pipeline.training.state import TrainingState, update_ema
from pipeline.training.stylegan2 import update

Pix2PixHDState = TrainingState[Pix2PixHD, MultiscaleDiscriminator]


@dataclass(frozen=True)
class Recipe:
    """Hyper-parameters of a pix2pixHD training; betas and weight of matching are the paper's.

    Attributes:
        batch: pairs per step over all processes.
        learning_rate: of both networks.
        judge_channels: of the discriminators' first layer.
        judge_layers: how many of their layers halve the size.
        scales: how many discriminators.
        matching_weight: weight of feature matching.
        pixel_weight: weight of the mean absolute error, as in pix2pix (Isola et al. 2017, Eq. 3);
            it takes the place of the perceptual loss.
        ema_half_life: of the averaged generator, in images; shorter in the beginning.
        autocast: bfloat16.
    """

    batch: int = 8
    learning_rate: float = 8e-4
    judge_channels: int = 24
    judge_layers: int = 2
    scales: int = 2
    matching_weight: float = 10.0
    pixel_weight: float = 20.0
    ema_half_life: float = 2_000
    autocast: bool = True


@dataclass(frozen=True)
class Pix2PixHDTraining(Training):
    """A pix2pixHD's training on renders and their part maps."""

    config: Pix2PixHDConfig
    recipe: Recipe = field(default_factory=Recipe)

    def begin(self) -> Pix2PixHDState:
        """Networks and optimisers at the beginning; the seed decides the weights."""
        return build(self.config, self.recipe, self.seed, self.device)

    def batches(self, data: RenderedFaces) -> Batches:
        """Images and their part maps, as codes carry them."""

        def draw(n: int) -> tuple[Tensor, ...]:
            index = torch.randint(len(data), (n,))
            return data.images(index), LabelMaps(data.labels(index)).compact(len(PARTS))

        return draw

    def step(
        self, state: Pix2PixHDState, batch: tuple[Tensor, ...], guide: Guide | None
    ) -> dict[str, float]:
        """One update of both networks; returns the losses."""
        images, maps = batch
        return train_step(state, images, maps, self.recipe)


def build(
    config: Pix2PixHDConfig, recipe: Recipe, seed: int, device: str = "cpu"
) -> Pix2PixHDState:
    """Networks and optimisers at the beginning of a training."""
    torch.manual_seed(seed)
    generator = Pix2PixHD(config, RenderedMaps(size=config.resolution)).to(device)
    discriminator = MultiscaleDiscriminator(
        config.input_channels + 3, recipe.judge_channels, recipe.judge_layers, recipe.scales
    ).to(device)
    rate, betas = recipe.learning_rate, (0.5, 0.999)
    return TrainingState(
        generator,
        discriminator,
        copy.deepcopy(generator).eval().requires_grad_(False),
        Adam(generator.parameters(), lr=rate, betas=betas),
        Adam(discriminator.parameters(), lr=rate, betas=betas),
    )


def train_step(
    state: Pix2PixHDState, images: Tensor, maps: Tensor, recipe: Recipe
) -> dict[str, float]:
    """One update of both networks from images ``[n, 3, h, w]`` and compact maps ``[n, 1, h, w]``.

    Returns the losses.
    """
    generator, discriminator = state.generator, state.discriminator
    seen = one_hot(maps, generator.config.input_channels)
    with torch.autocast(images.device.type, torch.bfloat16, enabled=recipe.autocast):
        fake = generator.render(Codes(Space.ACTIVATIONS, seen.new_zeros(len(seen), 0), maps))
        judged = fake.detach().requires_grad_()
        of_fake, of_real = discriminator(seen, judged), discriminator(seen, images)
    loss_d = (adversarial_loss(of_real, True) + adversarial_loss(of_fake, False)) / 2
    loss_g, matching = adversarial_loss(of_fake, True), feature_matching(of_fake, of_real)
    error = (judged.float() - images).abs().mean()
    wanted = loss_g + recipe.matching_weight * matching + recipe.pixel_weight * error
    (gradient,) = torch.autograd.grad(wanted, judged, retain_graph=True)
    fake.backward(gradient)
    loss_d.backward(inputs=list(discriminator.parameters()))
    update(generator, state.generator_optimizer)
    update(discriminator, state.discriminator_optimizer)
    state.images += recipe.batch
    half_life = min(recipe.ema_half_life, 0.05 * state.images)
    update_ema(state.ema, generator, 0.5 ** (recipe.batch / half_life))
    losses = {"loss_g": loss_g, "loss_d": loss_d, "matching": matching, "error": error}
    return {name: loss.item() for name, loss in losses.items()}
