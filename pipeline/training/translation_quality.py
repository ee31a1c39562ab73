"""What a small translator does to faces: the change that is asked for, and all that is not."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.datasets.procfaces.factors import FACTORS, sample_factors
from pipeline.datasets.procfaces.parts import PARTS
from pipeline.datasets.procfaces.render import render
from pipeline.domains.judges import Judges
from pipeline.evaluators.embedded import AttributeRegressor, EmbeddedIdentity, FaceParser
from pipeline.measures import MeasureFactory
from pipeline.methods.target_parts import Target, target_parts
from pipeline.metrics.base import Estimate
from pipeline.translators.base import Translator

BATCH = 64
MARGIN = 0.05  # around a part, as Style Intervention has it
WORN = {"glasses": ("glasses", "eyes", "brows", "nose")}
"""Parts of what a face need not have: where it would be."""


@dataclass(frozen=True)
class Readers:
    """The networks that look."""

    parser: FaceParser
    regressor: AttributeRegressor
    identity: EmbeddedIdentity

    @classmethod
    def load(cls) -> "Readers":
        """The shipped ones.

        Raises:
            UserError: one is missing.
        """
        return cls(FaceParser.load(), AttributeRegressor.load(), EmbeddedIdentity.load())


@dataclass(frozen=True)
class Kept:
    """What a translation does.

    Attributes:
        what: in a word or two.
        change: of its attribute, in standard deviations of the data; None where none is asked for.
        unwanted: the other readable attribute that changes most, and by how much.
        mse_out: squared error outside of the attribute's parts, RGB in [0, 1]; of the whole picture
            where no attribute is asked for.
        ssim: structural similarity of whole pictures.
        identity: cosine of the embedded identity.
    """

    what: str
    change: Estimate | None
    unwanted: tuple[str, Estimate]
    mse_out: Estimate
    ssim: Estimate
    identity: Estimate


def faces(count: int, seed: int, size: int) -> Tensor:
    """Fresh renders ``[count, 3, size, size]``."""
    factors = sample_factors(count, torch.Generator().manual_seed(seed))
    return torch.cat([render(part, size).images for part in factors.split(BATCH)])


def read_labels(network: Translator, images: Tensor, regressor: AttributeRegressor) -> Tensor:
    """Labels ``[n, k]`` as edits read them: 1 above the mean of the data."""
    columns = [regressor.names.index(name) for name in network.config.attributes]
    with torch.inference_mode():
        read = [regressor.standardised(batch)[:, columns] for batch in images.split(BATCH)]
    return (torch.cat(read) > 0).float()


def quality(network: Translator, images: Tensor, readers: Readers) -> list[Kept]:
    """Reconstruction, and every attribute given to the faces that lack it and taken from others.

    Args:
        network: in evaluation mode.
        images: faces ``[n, 3, H, W]`` in [-1, 1].
        readers: who looks.
    """
    labels = read_labels(network, images, readers.regressor)
    found = [_kept(network, "reconstruction", None, images, labels, labels, readers)]
    for column, name in enumerate(network.config.attributes):
        for sign, has in ((1, 0), (-1, 1)):
            rows = labels[:, column] == has
            if int(rows.sum()) < 2:
                continue
            wanted = labels[rows].clone()
            wanted[:, column] += sign
            what = f"{name} {sign:+d}"
            pair = labels[rows], wanted
            found.append(_kept(network, what, name, images[rows], *pair, readers))
    return found


@torch.inference_mode()
def _kept(
    network: Translator,
    what: str,
    attribute: str | None,
    images: Tensor,
    labels: Tensor,
    wanted: Tensor,
    readers: Readers,
) -> Kept:
    regressor = readers.regressor
    judges = Judges(None, readers.identity, None, {})
    measures = MeasureFactory(judges, None, regressor).new()
    inside = _inside(attribute, readers)
    for index in torch.arange(len(images)).split(BATCH):
        original = images[index]
        edited = network(original, network.vectors(wanted[index])).clamp(-1, 1)
        measures.update(original, edited, inside(original), index)
    numbers, changes = measures.compute(), measures.attributes.compute()
    others = {n: changes[n] for n in regressor.readable if n != attribute}
    most = max(others, key=lambda name: abs(others[name].value))
    change = changes[attribute] if attribute else None
    identity = numbers[readers.identity.name]
    return Kept(what, change, (most, others[most]), numbers["mse_out"], numbers["ssim"], identity)


def _inside(attribute: str | None, readers: Readers) -> Callable[[Tensor], Tensor]:
    """Masks of an attribute's parts ``[n, H, W]``; of nothing where there is none."""
    if attribute is None:
        return lambda images: torch.zeros(len(images), *images.shape[2:])
    known: Mapping[str, Sequence[str]] = {factor.name: factor.parts for factor in FACTORS}
    target = Target(target_parts(attribute, WORN, known, PARTS), MARGIN)
    return lambda images: 1 - target.outside(readers.parser.parse(images), images.shape[-1])
