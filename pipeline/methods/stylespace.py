"""StyleSpace: single style channels that control one thing (Wu et al. 2021)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

import torch
from torch import Tensor

from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.attribute_channels import RENDERED_AT_ONCE, examples, relevance
from pipeline.methods.channel_locality import DISCOUNT
from pipeline.methods.clock import now
from pipeline.methods.edits import Edits
from pipeline.methods.gradient_channels import Search, Semantics, Target, search, semantics
from pipeline.methods.gram import Progress
from pipeline.methods.reading import ReadingMethod
from pipeline.methods.region_grams import no_pixels, working_resolution
from pipeline.methods.style_channels import (
    ChannelEdit,
    ChannelStatistics,
    channel_name,
    channel_statistics,
    searched_layers,
    style_slices,
)
from pipeline.regions.region import Region

GRID = 32


class Detection(StrEnum):
    """How channels are found: by where they act, or by what a few examples have in common."""

    GRADIENTS = "gradients"
    ATTRIBUTE = "attribute"


@dataclass(frozen=True, eq=False)
class Ranking:
    """Channels, the best first.

    Attributes:
        channels: components of s, int64 ``[k]``.
        scores: what they are ranked by, by magnitude; the sign is that of the step ``[k]``.
        extra: further arrays for the file of edits.
        notes: further settings for it.
    """

    channels: Tensor
    scores: Tensor
    extra: dict[str, Tensor]
    notes: dict[str, str]


@dataclass
class StyleSpace(ReadingMethod):
    """Single channels of s, edited in their standard deviations.

    ``detection=gradients`` (Sec. 4) keeps the channels whose gradient falls on the region in most
    images, by comparison with the parts that the domain's parser finds. The paper puts them in no
    order; here those come first that move the region's pixels most per standard deviation.

    ``detection=attribute`` (Sec. 5) ranks all channels by theta, mean over standard deviation of a
    few examples of an attribute, which the domain's predictor picks. It looks at no region.

    Args:
        num_directions: how many channels to keep.
        detection: ``gradients`` or ``attribute``.
        attribute: the attribute of ``detection=attribute``.
        to_rgb: look at the channels of to-RGB layers too, which the paper leaves out.
        num_statistics: codes drawn for means and standard deviations; the paper takes 100 000.
        num_codes: how many of the given codes to take gradients at; the paper takes 1000.
        target: what gradients must fall on: ``parts`` that lie in the region by at least half, as
            the paper's masks, or all pixels of the ``region``.
        grid: gradients are those of the image averaged down to so many pixels along a side; None
            is 32 as in the paper, or the generator's resolution where that is less.
        discount: power of a class's area that its overlap is divided by.
        min_rate: share of the images in which a local channel's gradient falls on the target.
        margin: by how much this exceeds the share of any other part.
        num_candidates: images drawn to pick examples of an attribute from.
        num_examples: how many are picked; 10 to 30 in the paper.
        chunk: channels whose gradients are computed at a time.
    """

    num_directions: int = 10
    detection: Detection = Detection.GRADIENTS
    attribute: str | None = None
    to_rgb: bool = False
    num_statistics: int = 100_000
    num_codes: int = 1000
    target: Target = Target.PARTS
    grid: int | None = None
    discount: float = DISCOUNT
    min_rate: float = 0.5
    margin: float = 0.25
    num_candidates: int = 1000
    num_examples: int = 30
    chunk: int = 32
    name: str = "stylespace"

    def __post_init__(self) -> None:
        for option, kind in (("detection", Detection), ("target", Target)):
            if getattr(self, option) not in tuple(kind):
                raise unknown_name(option, getattr(self, option), kind)
        self.detection, self.target = Detection(self.detection), Target(self.target)
        least = {"num_directions": 1, "num_codes": 1, "chunk": 1}
        least |= {"num_statistics": 2, "num_examples": 2, "num_candidates": self.num_examples}
        for option, bound in least.items():
            if getattr(self, option) < bound:
                raise UserError(f"{option}={getattr(self, option)} must be at least {bound}.")
        for option in ("min_rate", "margin"):
            if not 0 <= getattr(self, option) < 1:
                raise UserError(f"{option}={getattr(self, option)} must lie in 0..1, less than 1.")

    def networks(self) -> Mapping[str, object]:
        """The parser or the predictor, whichever the detection asks."""
        if self.detection == Detection.GRADIENTS:
            return {"parser": self.parser()}
        return {"predictor": self.predictor(self.attribute)[0]}

    def check(self, generator: Generator, region: Region) -> None:
        """Refuse a generator without style channels, or a reader that cannot say what is asked."""
        generator.require(Space.S, f"method={self.name}")
        style_slices(generator)
        self._grid(generator)
        self.networks()

    def discover(
        self,
        generator: Generator,
        codes: Codes,
        region: Region,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Edits:
        """See :meth:`Method.discover`; statistics and examples are of codes of its own.

        Raises:
            UserError: there are too few codes, the region is nowhere to be seen, or no channel is
                local to it.
        """
        self.check(generator, region)
        random, device = torch.Generator().manual_seed(seed), codes.values.device
        began = now(device)
        with torch.no_grad():
            statistics = channel_statistics(generator, self.num_statistics, random)
        counted = now(device)
        if self.detection == Detection.GRADIENTS:
            found = self._gradients(generator, codes, region, progress)
            looked = now(device)
            ranking = self._local(found, statistics, region)
        else:
            predictor, column = self.predictor(self.attribute)
            sizes = self.num_examples, self.num_candidates
            shown = examples(generator, predictor, column, *sizes, random, progress)
            looked = now(device)
            ranking = self._relevant(shown, statistics, generator)
        step = "gradients" if self.detection == Detection.GRADIENTS else "examples"
        seconds = {"statistics": counted - began, step: looked - counted}
        seconds["solve"] = now(device) - looked
        return self.found(
            self._edits(generator, ranking, statistics, region, codes.values.dtype),
            generator,
            region,
            seed,
            extra={"eigenvalues": ranking.scores.abs(), "channels": ranking.channels}
            | ranking.extra,
            notes={"options": asdict(self), "seconds": seconds} | ranking.notes,
        )

    def _grid(self, generator: Generator) -> int:
        wanted = min(GRID, generator.resolution) if self.grid is None else self.grid
        return working_resolution(generator, wanted, "grid")

    def _gradients(
        self, generator: Generator, codes: Codes, region: Region, progress: Progress | None
    ) -> Search:
        """The gradients of all channels searched, compared with what the images show."""
        if len(codes) < self.num_codes:
            raise UserError(
                f"num_codes={self.num_codes}, but there are only {len(codes)} codes: "
                "sample more, or use fewer."
            )
        codes = codes[: self.num_codes]
        with torch.no_grad():
            seen = self._seen(generator, codes, region)
            styles = generator.convert(codes, Space.S)
        layers = searched_layers(generator, self.to_rgb)
        return search(generator, styles, seen, layers, self.discount, self.chunk, progress)

    def _seen(self, generator: Generator, codes: Codes, region: Region) -> Semantics:
        labels, masks = [], []
        for start in range(0, len(codes), RENDERED_AT_ONCE):
            images = generator.render(codes[start : start + RENDERED_AT_ONCE]).clamp(-1, 1)
            labels.append(self.parser().parse(images).cpu())
            mask = region.mask(labels[-1].shape[-1], images).cpu()
            masks.append(mask.expand(labels[-1].shape))
        parts = 0 if self.reader is None else len(self.reader.parts)
        shown = torch.cat(labels), torch.cat(masks)
        seen = semantics(*shown, parts, self.target, self._grid(generator))
        if seen is None and self.target == Target.PARTS and bool(shown[1].any()):
            raise UserError(
                f"region={region.name} holds none of the parts of these images by at least half: "
                "method.target=region looks for channels of its pixels instead."
            )
        if seen is None:
            raise no_pixels(region.name, inside=True)
        return seen

    def _local(self, found: Search, statistics: ChannelStatistics, region: Region) -> Ranking:
        """The local channels, by what one standard deviation does to the region's pixels."""
        rates, target = found.localisation.rates, found.localisation.rates.shape[1] - 1
        effects = found.strengths * statistics.std.cpu()[found.channels]
        local = found.localisation.local(target, self.min_rate, self.margin) & (effects > 0)
        if not bool(local.any()):
            raise UserError(
                f"No style channel is local to region={region.name}: at best the gradient falls "
                f"on it in {float(rates[:, target].max()):.0%} of the images. A smaller "
                "method.min_rate or method.margin keeps more."
            )
        order = torch.where(local, effects, -1.0).argsort(descending=True, stable=True)
        kept = order[: min(self.num_directions, int(local.sum()))]
        extra = {"rates": rates[kept], "local": local.sum()}
        return Ranking(found.channels[kept], effects[kept], extra, {})

    def _relevant(
        self, shown: Tensor, statistics: ChannelStatistics, generator: Generator
    ) -> Ranking:
        """The channels that the examples of the attribute agree on most (theta)."""
        layers = searched_layers(generator, self.to_rgb).values()
        channels = torch.cat([torch.arange(part.start, part.stop) for part in layers])
        theta = relevance(statistics.standardised(shown.to(statistics.mean.device)))
        theta = theta.cpu()[channels]
        kept = theta.abs().argsort(descending=True, stable=True)[: self.num_directions]
        return Ranking(channels[kept], theta[kept], {}, {"region": "not looked at"})

    def _edits(
        self,
        generator: Generator,
        ranking: Ranking,
        statistics: ChannelStatistics,
        region: Region,
        dtype: torch.dtype,
    ) -> tuple[ChannelEdit, ...]:
        layers = style_slices(generator)
        about = region.name if self.detection == Detection.GRADIENTS else self.attribute
        deviations = statistics.std.cpu()[ranking.channels] * ranking.scores.sign()
        return tuple(
            ChannelEdit(
                name=f"{self.name}/{about}/{channel_name(layers, int(channel))}",
                generator=generator.name,
                fingerprint=generator.fingerprint,
                channels=channel.reshape(1),
                deviations=deviation.reshape(1).to(dtype),
            )
            for channel, deviation in zip(ranking.channels, deviations, strict=True)
        )
