"""Training and measuring the reader: one trunk, part labels and factors (parser, regressor)."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import compress

import torch
from torch import Tensor, nn
from torch.nn import functional

from pipeline.datasets.procfaces.dataset import RenderedFaces
from pipeline.datasets.procfaces.factors import FACTORS, NAMES, sample_factors
from pipeline.datasets.procfaces.parts import PARTS
from pipeline.datasets.procfaces.render import Rendering, render
from pipeline.evaluators.embedded import (
    AttributeRegressor,
    EmbeddedFeatures,
    FaceParser,
    is_presence,
)
from pipeline.evaluators.networks import Reader
from pipeline.evaluators.quality import Score, batches, iou_scores, r2_scores
from pipeline.evaluators.training import disturb, seeded

READABLE = 0.8  # held-out R2 from which a factor counts as readable


@dataclass(frozen=True)
class ReaderQuality:
    """Held-out quality: IoU by part (and their mean), R2 by factor.

    Attributes:
        iou: by part.
        mean_iou: mean over the parts.
        r2: by factor.
        r2_worn: by factor of the glasses, on the faces that wear some.
    """

    iou: dict[str, Score]
    mean_iou: Score
    r2: dict[str, Score]
    r2_worn: dict[str, Score]

    @property
    def readable(self) -> tuple[str, ...]:
        """Factors with an R2 of at least ``READABLE``."""
        return tuple(name for name, score in self.r2.items() if score.value >= READABLE)


def standardisation(faces: RenderedFaces) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation ``[F]`` of the factors of a data set."""
    factors = faces.factors(torch.arange(len(faces))).double()
    return factors.mean(0).float(), factors.std(0).clamp(min=1e-6).float()


def part_weights(faces: RenderedFaces, sample: int = 1000) -> Tensor:
    """Weight of each part in the cross-entropy: one over the square root of its share of pixels."""
    labels = faces.labels(torch.arange(min(sample, len(faces))))
    counts = torch.bincount(labels.flatten().long(), minlength=len(PARTS)).clamp(min=1)
    return (labels.numel() / counts).sqrt()


def jaccard_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the parts of one minus the soft IoU of a batch.

    Args:
        logits: ``[n, parts, H, W]``.
        labels: int64 ``[n, H, W]``.
    """
    probabilities = logits.softmax(1)
    truth = functional.one_hot(labels, logits.shape[1]).permute(0, 3, 1, 2)
    shared = (probabilities * truth).sum((0, 2, 3))
    either = (probabilities + truth).sum((0, 2, 3)) - shared
    return 1 - ((shared + 1) / (either + 1)).mean()


def factor_loss(outputs: Tensor, factors: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Squared error of standardised factors; cross-entropy where the factor is a presence."""
    squared = (outputs - (factors - mean) / std).square()
    presence = is_presence(outputs)
    target = torch.where(presence, factors, 0.5)
    entropy = functional.binary_cross_entropy_with_logits(outputs, target, reduction="none")
    return torch.where(presence, entropy, squared).mean()


def reader_loss(
    reader: nn.Module, faces: RenderedFaces, batch: int
) -> Callable[[torch.Generator], Tensor]:
    """The loss of a random batch: cross-entropy and soft IoU of labels, error of factors."""
    (mean, std), weights = standardisation(faces), part_weights(faces)

    def loss(generator: torch.Generator) -> Tensor:
        index = torch.randint(len(faces), (batch,), generator=generator).sort().values
        images, labels = disturb(faces.images(index), generator), faces.labels(index).long()
        with torch.autocast("cpu", torch.bfloat16):
            logits, outputs = reader(images.contiguous(memory_format=torch.channels_last))
        logits = logits.float()
        parsing = functional.cross_entropy(logits, labels, weights) + jaccard_loss(logits, labels)
        return parsing + factor_loss(outputs.float(), faces.factors(index), mean, std)

    return loss


def new_reader(seed: int) -> Reader:
    """An untrained reader, its initial weights drawn from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Reader(len(PARTS), len(FACTORS)).to(memory_format=torch.channels_last)


def split(
    reader: Reader, mean: Tensor, std: Tensor
) -> tuple[FaceParser, AttributeRegressor, EmbeddedFeatures]:
    """The three evaluators a trained reader consists of, in evaluation mode."""
    parser, regressor, features = FaceParser(), AttributeRegressor(), EmbeddedFeatures()
    regressor.mean.copy_(mean)
    regressor.std.copy_(std)
    for network in (parser, regressor, features):
        for name, child in network.named_children():
            child.load_state_dict(reader.get_submodule(name).state_dict())
        network.eval().requires_grad_(False)
    return parser, regressor, features


def held_out(n: int, seed: int = 1_000_003) -> tuple[Tensor, Rendering]:
    """Factors and renders that no training folder holds."""
    factors = sample_factors(n, seeded("held out", seed))
    return factors, render(factors)


def measure(parser: FaceParser, regressor: AttributeRegressor, n: int) -> ReaderQuality:
    """Quality on ``n`` fresh renders."""
    factors, faces = held_out(n)
    labels = torch.cat([parser.parse(images) for images in batches(faces.images)])
    predicted = torch.cat([regressor.predict(images) for images in batches(faces.images)])
    *parts, mean = iou_scores(labels, faces.labels, len(PARTS))
    wearing = factors[:, NAMES.index("glasses")] > 0
    r2, worn = r2_scores(predicted, factors), r2_scores(predicted[wearing], factors[wearing])
    of_glasses = [factor.part == "glasses" and factor.kind != "presence" for factor in FACTORS]
    return ReaderQuality(
        iou=dict(zip(PARTS, parts, strict=True)),
        mean_iou=mean,
        r2=dict(zip(NAMES, r2, strict=True)),
        r2_worn=dict(compress(zip(NAMES, worn, strict=True), of_glasses)),
    )
