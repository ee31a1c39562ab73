"""Codes with the attributes of their images, and balanced examples of an attribute among them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.gram import Progress
from pipeline.methods.reader import Predictor
from pipeline.methods.separation import Sides

RENDERED_AT_ONCE, CONVERTED_AT_ONCE = 64, 1000


@dataclass(frozen=True, eq=False)
class Labels:
    """Sampled codes and what a predictor reads off their images.

    It holds a code and a row of attributes per sample (2.2 KB for a z of 512 numbers), never an
    image, and w or s only of the examples that are asked for.

    Attributes:
        codes: as the generator samples them, n of them.
        attributes: in standard deviations of the data ``[n, len(names)]``.
        names: of the attributes.
        labeller: who read them.
    """

    codes: Codes
    attributes: Tensor
    names: tuple[str, ...]
    labeller: str

    def __len__(self) -> int:
        return len(self.codes)

    @classmethod
    def joined(cls, shards: Sequence["Labels"]) -> "Labels":
        """Shards one after the other."""
        first = shards[0]
        labels = None
        if first.codes.labels is not None:
            labels = torch.cat([s.codes.labels for s in shards if s.codes.labels is not None])
        values = torch.cat([s.codes.values for s in shards])
        attributes = torch.cat([s.attributes for s in shards])
        codes = Codes(first.codes.space, values, labels)
        return cls(codes, attributes, first.names, first.labeller)

    def column(self, attribute: str) -> Tensor:
        """One attribute of all samples ``[n]``."""
        return self.attributes[:, self.names.index(attribute)]


def read(
    generator: Generator, predictor: Predictor, codes: Codes, progress: Progress | None = None
) -> Labels:
    """Labels of codes; their images are rendered in batches and forgotten.

    Args:
        generator: makes the images.
        predictor: reads them.
        codes: as the generator samples them.
        progress: called with the images read and to be read.
    """
    rows = []
    with torch.no_grad():
        for start in range(0, len(codes), RENDERED_AT_ONCE):
            few = codes[start : start + RENDERED_AT_ONCE]
            rows.append(predictor.standardised(generator.render(few).clamp(-1, 1)).float().cpu())
            if progress is not None:
                progress(start + len(few), len(codes))
    labeller = getattr(predictor, "name", type(predictor).__name__)
    return Labels(codes.to("cpu"), torch.cat(rows), tuple(predictor.names), labeller)


@dataclass(frozen=True, eq=False)
class Examples:
    """As many samples with an attribute as without, the extremes of both.

    Attributes:
        train: numbers of the samples to learn from, int64 ``[a]``, in random order.
        validation: numbers of those to check with ``[b]``.
        positive: numbers of all samples that have the attribute.
    """

    train: Tensor
    validation: Tensor
    positive: Tensor

    def sides(self, labels: Labels, generator: Generator, space: Space) -> Sides:
        """Their codes in a space, on the CPU."""
        parts = self.train, self.validation
        values = [values_in(generator, labels.codes[part], space) for part in parts]
        marks = [torch.isin(part, self.positive) for part in parts]
        return Sides(values[0], marks[0], values[1], marks[1])


def examples(
    labels: Labels, attribute: str, share: float, validation: float, seed: int
) -> Examples:
    """The samples with the greatest and the least of an attribute (InterFaceGAN, Sec. 4.1).

    Args:
        labels: to choose from.
        attribute: by name.
        share: of all samples, in each of the two classes.
        validation: share of the examples that is kept from training, equal in both classes.
        seed: of the split.

    Raises:
        UserError: there are too few, or the classes touch: not enough samples differ.
    """
    values = labels.column(attribute)
    count = int(share * len(values))
    held = round(validation * count)
    if min(held, count - held) < 2:
        raise UserError(
            f"{len(values)} samples leave {count} examples a class, {held} of them for validation: "
            "raise method.num_samples, method.share or method.validation."
        )
    order = values.argsort(stable=True)
    low, high = order[:count], order[-count:]
    if not float(values[low[-1]]) < float(values[high[0]]):
        raise UserError(
            f"attribute={attribute}: the most and the least of {len(values)} samples do not "
            "differ; sample more (method.num_samples) or take fewer of them (method.share)."
        )
    random = torch.Generator().manual_seed(seed)
    mixed = [side[torch.randperm(count, generator=random)] for side in (high, low)]
    train = torch.cat([side[held:] for side in mixed])
    kept = torch.cat([side[:held] for side in mixed])
    return Examples(train[torch.randperm(len(train), generator=random)], kept, high)


def values_in(generator: Generator, codes: Codes, space: Space) -> Tensor:
    """Codes in a space ``[n, d]``, float32 on the CPU, converted in batches."""
    device = generator.device
    batches = []
    with torch.no_grad():
        for start in range(0, len(codes), CONVERTED_AT_ONCE):
            few = codes[start : start + CONVERTED_AT_ONCE].to(device)
            batches.append(generator.convert(few, space).values.flatten(1).cpu())
    return torch.cat(batches)
