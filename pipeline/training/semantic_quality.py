"""How good a SemanticStyleGAN of the embedded domain is: its images, and its masks against these.

Read by the embedded evaluators off samples and renders alike. Intervals (95 %) are those of the
samples.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from pipeline.datasets.grouped_faces import CLASSES, class_of_part
from pipeline.domains.procfaces import ProcFaces
from pipeline.errors import UserError
from pipeline.evaluators.embedded import FaceParser
from pipeline.evaluators.quality import Score, iou_scores
from pipeline.generators.semantic_stylegan import SemanticStyleGAN
from pipeline.training.quality import BATCH, Bar, Readers, assess

LEAST_AGREEMENT = 0.7


@dataclass(frozen=True)
class SemanticQuality:
    """How good a SemanticStyleGAN is.

    Attributes:
        agreement: intersection over union of its own masks and of what the parser sees in its
            images, by class, then their mean.
        bars: see :func:`pipeline.training.quality.assess`, against twice as many fresh renders.
    """

    agreement: tuple[Score, ...]
    bars: tuple[Bar, ...]

    @property
    def holds(self) -> bool:
        """Whether masks and images agree well enough."""
        return self.agreement[-1].value >= LEAST_AGREEMENT

    def as_json(self) -> dict[str, Any]:
        """Scores by name."""
        names = [*CLASSES, "mean"]
        agreement = {n: vars(s) for n, s in zip(names, self.agreement, strict=True)}
        bars = {f"{bar.kind}/{bar.name}": vars(bar.score) for bar in self.bars}
        return {"agreement": agreement, "holds": self.holds, "bars": bars}


def semantic_quality(
    network: SemanticStyleGAN, samples: int, seed: int, readers: Readers
) -> SemanticQuality:
    """Quality of samples at the network's truncation.

    Raises:
        UserError: the classes of the network are not those of the embedded domain.
    """
    if network.config.classes != CLASSES:
        raise UserError(
            f"generator={network.name} has the classes {', '.join(network.config.classes)}; "
            f"only these can be measured: {', '.join(CLASSES)}."
        )
    images, labels = _samples(network, samples, seed)
    renders = ProcFaces(2 * samples, reference_seed=seed + 1).reference_images()
    read, data = readers.read(images), readers.read(renders)
    return SemanticQuality(
        agreement(readers.parser, images, labels),
        assess(read, data, readers.regressor.readable),
    )


@torch.inference_mode()
def agreement(parser: FaceParser, images: list[Tensor], labels: Tensor) -> tuple[Score, ...]:
    """Intersection over union of classes and of what a parser sees, by class, then their mean.

    Args:
        parser: of the parts of a face.
        images: batches ``[b, 3, h, w]`` in [-1, 1], n in all.
        labels: the class of each pixel ``[n, h, w]``.
    """
    parts = torch.cat([parser.parse(batch) for batch in images])
    return tuple(iou_scores(class_of_part()[parts.long()], labels, len(CLASSES)))


@torch.inference_mode()
def _samples(network: SemanticStyleGAN, n: int, seed: int) -> tuple[list[Tensor], Tensor]:
    codes = network.sample(n, torch.Generator().manual_seed(seed))
    batches = [network.compose(codes[i : i + BATCH]) for i in range(0, n, BATCH)]
    images = [batch.images.clamp(-1, 1).cpu() for batch in batches]
    return images, torch.cat([batch.labels.cpu() for batch in batches])
