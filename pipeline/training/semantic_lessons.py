"""Lessons for a SemanticStyleGAN: to draw what a trained StyleGAN2 draws of the same w.

A GAN that starts from random weights spends most of its training finding faces at all. Where there
is a generator of the same pictures whose codes are as long, the semantic one can take over its
mapping and learn from it first: to every z belongs one picture and, as a frozen parser reads it,
one map of classes, so that the error is a plain regression (knowledge distillation, Hinton et al.
2015). What it draws afterwards is soft, and all of its classes have been shown the same w; the
adversarial training goes on from there (:attr:`SemanticTraining.start`).
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Adam

from pipeline.datasets.grouped_faces import CLASSES, class_of_part
from pipeline.errors import UserError
from pipeline.evaluators.embedded import AttributeRegressor
from pipeline.evaluators.networks import unit
from pipeline.generators.base import Codes, Space
from pipeline.generators.dual_discriminator import one_hot_masks
from pipeline.generators.semantic_stylegan import Composition
from pipeline.generators.stylegan2 import StyleGAN2
from pipeline.generators.weights import load_stylegan2
from pipeline.training.guided import Guide
from pipeline.training.loop import Batches
from pipeline.training.semantic_stylegan import Recipe, SemanticState, SemanticTraining
from pipeline.training.state import update_ema
from pipeline.training.stylegan2 import update


@dataclass(frozen=True)
class Lessons(Recipe):
    """Weights of the lessons; of the recipe they take batch, rate and average.

    Attributes:
        pixel_weight: of the mean absolute difference of the pictures.
        seen_weight: of the distance of what the guide sees in them, level by level (the form of
            LPIPS, Zhang et al. 2018, Eq. 1).
        factor_weight: of the squared difference of the factors that it reads.
        depth_weight: of the cross-entropy of the classes by pseudo-depth.
        score_weight: of the squared difference of the final scores from the classes.
    """

    pixel_weight: float = 1.0
    seen_weight: float = 1.0
    factor_weight: float = 0.02
    depth_weight: float = 0.2
    score_weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Lesson:
    """Pictures to draw, and what is seen in them.

    Attributes:
        w: codes ``[n, w_dim]``.
        pictures: what the teacher draws of them ``[n, 3, r, r]`` in [-1, 1].
        labels: the classes that are seen there, uint8 ``[n, r, r]``.
        levels: activations of the regressor.
        factors: that it reads ``[n, f]``, in its own scale.
    """

    w: Tensor
    pictures: Tensor
    labels: Tensor
    levels: tuple[Tensor, ...]
    factors: Tensor


@dataclass(frozen=True)
class SemanticLessons(SemanticTraining):
    """Teaches the generator alone; the discriminator waits for the training proper.

    Attributes:
        teacher: file of a StyleGAN2, or name of a shipped one.
    """

    teacher: str = "stylegan2_procfaces.safetensors"

    def begin(self) -> SemanticState:
        """The networks at the beginning, with the teacher's mapping, which stays as it is.

        Raises:
            UserError: teacher and pupil differ in their mappings, or there is no guide.
        """
        state = super().begin()
        if self.guide is None:
            raise UserError("Lessons are read by a guide: add --guide pipeline/assets/guide.")
        for network in (state.generator, state.ema):
            try:
                network.mapping.load_state_dict(self._taught_by.mapping.state_dict())
            except RuntimeError as error:
                raise UserError(
                    f"teacher={self.teacher} maps z to w by another network than the pupil's."
                ) from error
            network.mapping.requires_grad_(False)
        learned = [p for p in state.generator.parameters() if p.requires_grad]
        state.generator_optimizer = Adam(learned, self.recipe.learning_rate, betas=(0.9, 0.99))
        return state

    def about(self) -> dict[str, Any]:
        """Whom it learns from."""
        return {"teacher": {"name": self._taught_by.name, "weights": self._taught_by.fingerprint}}

    def batches(self, data: Any) -> Batches:
        """New z, as pictures of one pixel; the data are not looked at."""
        return lambda n: (torch.randn(n, self.config.z_dim, 1, 1),)

    @torch.no_grad()
    def lesson(self, z: Tensor, regressor: AttributeRegressor) -> "Lesson":
        """What the teacher draws of z, and what the regressor sees in it."""
        with torch.autocast(z.device.type, torch.bfloat16, enabled=self.recipe.autocast):
            codes = self._taught_by.convert(Codes(Space.Z, z), Space.W)
            pictures = self._taught_by.render(codes).float().clamp(-1, 1)
            sight = regressor.trunk(regressor.prepare(pictures))
            factors = regressor.head(regressor.summary(sight))
        logits = F.interpolate(sight.logits.float(), pictures.shape[-2:], mode="bilinear")
        labels = class_of_part().to(pictures.device)[logits.argmax(1)]
        return Lesson(codes.values, pictures, labels, sight.levels, factors.float())

    def step(
        self, state: SemanticState, batch: tuple[Tensor, ...], guide: Guide | None
    ) -> dict[str, float]:
        """One update of the generator; returns the errors."""
        recipe, generator = self.recipe, state.generator
        if guide is None or not isinstance(recipe, Lessons):
            raise TypeError("lessons have a guide and weights of their own")
        lesson = self.lesson(batch[0].flatten(1), guide.regressor)
        with torch.autocast(lesson.w.device.type, torch.bfloat16, enabled=recipe.autocast):
            drawn = generator.compose(Codes(Space.W, lesson.w), "none")
            errors = seen_errors(drawn.images, lesson, guide.regressor)
        errors |= mask_errors(drawn, lesson.labels)
        errors["pixel"] = (drawn.images.float() - lesson.pictures).abs().mean()
        loss = sum(getattr(recipe, f"{name}_weight") * value for name, value in errors.items())
        loss.backward()
        update(generator, state.generator_optimizer)
        state.images += recipe.batch
        half_life = min(recipe.ema_half_life, 0.05 * state.images)
        update_ema(state.ema, generator, 0.5 ** (recipe.batch / half_life))
        return {name: value.item() for name, value in errors.items()}

    @cached_property
    def _taught_by(self) -> StyleGAN2:
        name = Path(self.teacher).stem
        teacher = load_stylegan2(Path(self.teacher), name, truncation_psi=1.0).to(self.device)
        if self.config.classes != CLASSES or teacher.resolution != self.config.resolution:
            raise UserError(
                f"teacher={self.teacher} draws {teacher.resolution} px and is read as the classes "
                f"{', '.join(CLASSES)}; the pupil has {self.config.resolution} px and "
                f"{', '.join(self.config.classes)}."
            )
        return teacher


def mask_errors(drawn: Composition, labels: Tensor) -> dict[str, Tensor]:
    """How far depths and scores are from the classes ``[n, r, r]``."""
    masks = one_hot_masks(labels, drawn.scores.shape[1])
    size = drawn.depths.shape[2], drawn.depths.shape[3]
    shares = F.adaptive_avg_pool2d((masks + 1) / 2, size)
    return {
        "depth": F.cross_entropy(drawn.depths.float(), shares),
        "score": F.mse_loss(drawn.scores.float(), masks),
    }


def seen_errors(drawn: Tensor, lesson: Lesson, regressor: AttributeRegressor) -> dict[str, Tensor]:
    """How differently a regressor sees pictures ``[n, 3, r, r]``: its levels, and its factors."""
    sight = regressor.trunk(regressor.prepare(drawn))
    levels = zip(sight.levels, lesson.levels, strict=True)
    apart = [(unit(a.float()) - unit(b.float())).square().sum(1).mean() for a, b in levels]
    factors = regressor.head(regressor.summary(sight)).float()
    return {"seen": torch.stack(apart).mean(), "factor": F.mse_loss(factors, lesson.factors)}
