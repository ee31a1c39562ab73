"""Training of a SemanticStyleGAN on images and masks (Shi et al. 2022, section 3.2)."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.datasets.grouped_faces import GroupedFaces
from pipeline.datasets.labelled import LABELLED, LabelledImages
from pipeline.disk import reason
from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.dual_discriminator import DualDiscriminator, one_hot_masks
from pipeline.generators.layers import EqualizedLinear
from pipeline.generators.semantic_stylegan import SemanticStyleGAN, SemanticStyleGANConfig
from pipeline.training.guided import GUIDE_FEATURES, Guide, group_spread
from pipeline.training.loop import Batches, Training, images_shown, read_description
from pipeline.training.losses import (
    discriminator_loss,
    generator_loss,
    path_length_penalty,
    path_lengths,
    r1_penalty,
)
from pipeline.training.processes import average
from pipeline.training.semantic_losses import mask_loss, mixed_parts, r1_of_branches
from pipeline.training.semantic_sheet import draw_parts_sheet
from pipeline.training.state import TrainingState, new_state, read_tensors, update_ema
from pipeline.training.stylegan2 import update

OPINION_WIDTH = 128
PAPER_JUDGE = (512, 512, 512, 512, 512, 256, 128, 64)


@dataclass(frozen=True)
class Recipe:
    """Hyper-parameters of a SemanticStyleGAN training; the defaults are the paper's, for 512 px.

    Attributes:
        judge_channels: of the discriminator's image branch, from 4 x 4 up.
        mask_judge_channels: of its mask branch.
        batch: images per step over all processes.
        learning_rate: of both networks, before the correction for lazy penalties.
        mask_weight: weight of the difference between coarse masks and final scores.
        r1_gamma: weight of R1 at the images.
        r1_mask_gamma: weight of R1 at the masks.
        r1_interval: steps from one R1 penalty to the next; it is computed in float32.
        path_weight: weight of the path length penalty.
        path_interval: steps from one to the next; on half a batch, in float32.
        mixing: share of the samples whose classes come of two w.
        ema_half_life: of the averaged generator, in images; shorter in the beginning.
        guide_weight: weight of the generator's loss by the guide's features, where there is one.
        guide_gamma: weight of R1 on them.
        judge_alone: images that the discriminator is shown before the generator learns from it, for
            a generator that can draw already.
        autocast: bfloat16 for everything but the penalties.
    """

    judge_channels: tuple[int, ...] = PAPER_JUDGE
    mask_judge_channels: tuple[int, ...] = PAPER_JUDGE
    batch: int = 16
    learning_rate: float = 2e-3
    mask_weight: float = 100.0
    r1_gamma: float = 10.0
    r1_mask_gamma: float = 1000.0
    r1_interval: int = 16
    path_weight: float = 0.5
    path_interval: int = 4
    mixing: float = 0.3
    ema_half_life: float = 10_000
    guide_weight: float = 0.3
    guide_gamma: float = 0.5
    judge_alone: int = 0
    autocast: bool = True


class GuidedDualDiscriminator(DualDiscriminator):
    """The dual-branch discriminator, and a small one of a guide's features beside it."""

    def __init__(
        self, channels: tuple[int, ...], classes: int, mask_channels: tuple[int, ...]
    ) -> None:
        super().__init__(channels, classes, mask_channels)
        self.opinion = nn.Sequential(
            EqualizedLinear(2 * GUIDE_FEATURES, OPINION_WIDTH, "lrelu"),
            EqualizedLinear(OPINION_WIDTH, OPINION_WIDTH, "lrelu"),
            EqualizedLinear(OPINION_WIDTH, 1),
        )

    def second_opinion(self, features: Tensor) -> Tensor:
        """Logits ``[n]`` from features ``[n, GUIDE_FEATURES]`` and their spread."""
        logits: Tensor = self.opinion(torch.cat([features, group_spread(features)], dim=1))
        return logits.squeeze(1)


SemanticState = TrainingState[SemanticStyleGAN, GuidedDualDiscriminator]


@dataclass(frozen=True)
class SemanticTraining(Training):
    """A SemanticStyleGAN's training on rendered faces, or on a folder of labelled images.

    Attributes:
        start: checkpoint whose averaged generator it starts from; None for random weights.
    """

    config: SemanticStyleGANConfig
    recipe: Recipe = field(default_factory=Recipe)
    start: Path | None = None

    def open(self) -> Any:
        """The images with their classes."""
        return open_labelled(self.data)

    def begin(self) -> SemanticState:
        """Networks and optimisers at the beginning.

        Raises:
            UserError: the checkpoint to start from is damaged, or of another architecture.
        """
        state = build(self.config, self.recipe, self.seed, self.device)
        if self.start is not None:
            load_average(state, self.start)
        return state

    def about(self) -> dict[str, Any]:
        """The training that it starts from."""
        if self.start is None:
            return {}
        earlier, images = read_description(self.start.parent), images_shown(self.start)
        return {"start": {**earlier, "images": images}}

    def batches(self, data: Any) -> Batches:
        """Images and the class of each pixel."""

        def draw(n: int) -> tuple[Tensor, ...]:
            index = torch.randint(len(data), (n,))
            return data.images(index), data.labels(index)

        return draw

    def step(
        self, state: SemanticState, batch: tuple[Tensor, ...], guide: Guide | None
    ) -> dict[str, float]:
        """One update of both networks; returns the losses."""
        return train_step(state, batch[0], batch[1], self.recipe, guide)

    def draw(self, network: Generator, path: Path, seed: int) -> None:
        """Write samples with their masks and depths."""
        if isinstance(network, SemanticStyleGAN):
            draw_parts_sheet(network, path, seed)


def open_labelled(folder: Path) -> GroupedFaces | LabelledImages:
    """A folder of labelled images, or of rendered faces.

    Raises:
        UserError: it is neither, or not finished.
    """
    return LabelledImages(folder) if (folder / LABELLED).exists() else GroupedFaces(folder)


def build(
    config: SemanticStyleGANConfig, recipe: Recipe, seed: int, device: str = "cpu"
) -> SemanticState:
    """Networks and optimisers at the beginning of a training."""
    torch.manual_seed(seed)
    generator = SemanticStyleGAN(config)
    generator.synthesis.to(memory_format=torch.channels_last)
    judge = GuidedDualDiscriminator(
        recipe.judge_channels, len(config.classes), recipe.mask_judge_channels
    )
    judge = judge.to(memory_format=torch.channels_last)
    rates = recipe.learning_rate, recipe.path_interval, recipe.r1_interval
    return new_state(generator.to(device), judge.to(device), *rates)


def load_average(state: SemanticState, checkpoint: Path) -> None:
    """Let a training begin with the averaged generator of another one.

    Raises:
        UserError: the checkpoint is damaged, or of another architecture.
    """
    try:
        weights = read_tensors(checkpoint)["ema"]
        for network in (state.generator, state.ema):
            network.load_state_dict(weights)
    except (KeyError, RuntimeError) as error:
        raise UserError(
            f"--start '{checkpoint}' is not a checkpoint of these networks ({reason(error)})."
        ) from error


def train_step(
    state: SemanticState,
    real: Tensor,
    labels: Tensor | None,
    recipe: Recipe,
    guide: Guide | None = None,
) -> dict[str, float]:
    """One update of both networks from this process's share of a batch.

    The discriminator judges the generator's images once, as in StyleGAN2's training here.
    Randomness is torch's global one, which the caller seeds.

    Args:
        state: of the training; it is changed.
        real: images ``[n, 3, r, r]``.
        labels: the class of each pixel, uint8 ``[n, r, r]``; None where there are images alone, and
            these are all that is judged.
        recipe: hyper-parameters.
        guide: what else the images are judged by.

    Returns:
        The losses.
    """
    step, generator, judge = state.images // recipe.batch, state.generator, state.discriminator
    shown = (
        [real] if labels is None else [real, one_hot_masks(labels, len(generator.config.classes))]
    )
    with torch.autocast(real.device.type, torch.bfloat16, enabled=recipe.autocast):
        codes = Codes(Space.W_PLUS, _mixed(generator, len(real), recipe.mixing))
        fake = generator.compose(codes, "random")
        drawn = [fake.images, fake.scores][: len(shown)]
        judged = [part.detach().requires_grad_() for part in drawn]
        fake_logits, real_logits = judge(*judged), judge(*shown)
    consistency = mask_loss(fake.scores, fake.coarse)
    loss_g = generator_loss(fake_logits)
    loss_d = discriminator_loss(real_logits, fake_logits)
    losses = {"loss_g": loss_g.item(), "loss_d": loss_d.item(), "mask": consistency.item()}
    if guide is not None:
        guided_g, guided_d = _guided_losses(judge, real, judged[0], recipe, guide)
        losses |= {"guided_g": guided_g.item(), "guided_d": guided_d.item()}
        loss_g = loss_g + recipe.guide_weight * guided_g
        loss_d = loss_d + guided_d
    learns = state.images >= recipe.judge_alone
    if learns:
        wanted = torch.autograd.grad(loss_g, judged, retain_graph=True)
        weighted = recipe.mask_weight * consistency
        torch.autograd.backward([*drawn, weighted], [*wanted, None])
    loss_d.backward(inputs=list(judge.parameters()))
    if learns and step % recipe.path_interval == 0:
        losses["path_length"] = _regularise_paths(state, len(real), recipe)
    if step % recipe.r1_interval == 0:
        losses |= _regularise_judge(judge, shown, recipe)
    if learns:
        update(generator, state.generator_optimizer)
    update(judge, state.discriminator_optimizer)
    state.images += recipe.batch
    half_life = min(recipe.ema_half_life, 0.05 * state.images)
    update_ema(state.ema, generator, 0.5 ** (recipe.batch / half_life))
    return losses


def _mixed(generator: SemanticStyleGAN, n: int, share: float) -> Tensor:
    """W+ codes of new samples, some of them mixed; moves the running mean of w."""
    config = generator.config
    z = torch.randn(2 * n, config.z_dim, device=generator.w_avg.device)
    w = generator.mapping(z)
    generator.mapping.track_mean(w)
    first, second = w.unsqueeze(1).expand(-1, config.num_ws, -1).chunk(2)
    return mixed_parts(first, second, config.base_layers, share)


def _guided_losses(
    judge: GuidedDualDiscriminator, real: Tensor, fake: Tensor, recipe: Recipe, guide: Guide
) -> tuple[Tensor, Tensor]:
    """Losses of both networks by the guide's features, R1 on these included."""
    with torch.autocast(real.device.type, torch.bfloat16, enabled=recipe.autocast):
        with torch.no_grad():
            seen = guide(real)
        imagined = guide(fake)
    seen = seen.float().requires_grad_()
    real_logits = judge.second_opinion(seen)
    fake_logits = judge.second_opinion(imagined.float())
    penalty = r1_penalty(real_logits, seen, recipe.guide_gamma)
    return generator_loss(fake_logits), discriminator_loss(real_logits, fake_logits) + penalty


def _regularise_paths(state: SemanticState, n: int, recipe: Recipe) -> float:
    """Path length of images over expanded codes; the masks take no part."""
    generator = state.generator
    mixed = _mixed(generator, max(n // 2, 1), recipe.mixing)
    values = generator.expand(mixed)
    if not values.requires_grad:  # where the mapping does not learn
        values.requires_grad_()
    codes = Codes(Space.W_PLUS, values)
    images = generator.render(codes, "random")
    lengths = path_lengths(images, codes.values, torch.randn_like(images))
    penalty, state.path_mean = path_length_penalty(lengths, state.path_mean, recipe.path_weight)
    (penalty * recipe.path_interval).backward()
    average([state.path_mean])
    return float(lengths.detach().mean())


def _regularise_judge(
    judge: GuidedDualDiscriminator, shown: list[Tensor], recipe: Recipe
) -> dict[str, float]:
    """R1 at each of what the judge is shown."""
    inputs = [part.detach().requires_grad_() for part in shown]
    gammas = recipe.r1_gamma, recipe.r1_mask_gamma
    penalties = r1_of_branches(judge(*inputs), inputs, gammas[: len(inputs)])
    (torch.stack(penalties).sum() * recipe.r1_interval).backward()
    values = [penalty.item() for penalty in penalties]
    return dict(zip(("r1", "r1_masks"), values, strict=False))
