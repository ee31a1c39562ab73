"""Style channels (Wu et al. 2021): where they are, how they vary, and edits of a few of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.edits import Edit

SAMPLED_AT_ONCE = 1000


@dataclass(frozen=True, eq=False, kw_only=True)
class ChannelEdit(Edit):
    """A step of some style channels, in standard deviations (Wu et al. 2021, Sec. 4.1).

    A strength of 1 moves every channel by its deviation, so that :meth:`spread`, the natural step,
    is one standard deviation too. The paper's edits are of about 5 to 20 of them.

    Attributes:
        channels: which components of s move, int64 ``[k]``.
        deviations: standard deviation of each ``[k]``; a negative one moves the other way.
    """

    channels: Tensor
    deviations: Tensor

    def render(
        self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
    ) -> Tensor:
        """Images with the channels moved by ``strength * deviations``."""
        styles = generator.convert(codes, Space.S)
        step = torch.zeros_like(styles.values[0])
        step[self.channels.to(step.device)] = self.deviations.to(step)
        return generator.render(styles.with_values(styles.values + strengths[:, None] * step))


def style_slices(generator: Generator) -> dict[str, slice]:
    """Where the styles of each layer lie in s.

    Raises:
        UserError: the generator has no style channels.
    """
    slices: dict[str, slice] | None = getattr(generator, "style_slices", None)
    if slices is None:
        offered = ", ".join(sorted(generator.spaces))
        raise UserError(
            f"generator={generator.name} has no style channels (its spaces: {offered}): use one "
            "of the StyleGAN family."
        )
    return slices


NO_CHANNELS = "input"  # of StyleGAN3: its styles are a turn and a shift


def is_to_rgb(layer: str) -> bool:
    """Whether a layer of this name is a to-RGB layer; StyleGAN3's is that of three channels."""
    return layer.endswith(("torgb", "_3"))


def searched_layers(generator: Generator, to_rgb: bool) -> dict[str, slice]:
    """The layers whose channels are looked at; the paper leaves to-RGB layers out (Sec. 4)."""
    layers = {k: v for k, v in style_slices(generator).items() if k != NO_CHANNELS}
    return {k: v for k, v in layers.items() if to_rgb or not is_to_rgb(k)}


def channel_name(layers: dict[str, slice], channel: int) -> str:
    """A component of s by layer and place, e.g. ``b16.conv1_12`` (the paper's ``6_12``)."""
    layer = next(k for k, part in layers.items() if part.start <= channel < part.stop)
    return f"{layer}_{channel - layers[layer].start}"


@dataclass(frozen=True, eq=False)
class ChannelStatistics:
    """How style channels vary over the generator's own images.

    Attributes:
        mean: ``[s]``, float64.
        std: ``[s]``, float64.
    """

    mean: Tensor
    std: Tensor

    def standardised(self, styles: Tensor) -> Tensor:
        """Styles ``[n, s]`` in deviations from the mean; 0 where a channel never varies."""
        std = torch.where(self.std > 0, self.std, torch.inf)
        return (styles.double() - self.mean) / std


def channel_statistics(
    generator: Generator, count: int, random: torch.Generator
) -> ChannelStatistics:
    """Mean and standard deviation of every channel, streamed (Chan, Golub & LeVeque 1983)."""
    n, mean, scatter = 0, torch.zeros(()), torch.zeros(())
    for codes in sampled(generator, count, random):
        styles = generator.convert(codes, Space.S).values.double()
        own = styles.mean(dim=0)
        step, total = own - mean.to(own), n + len(styles)
        between = step.square() * (n * len(styles) / total)
        scatter = scatter.to(own) + (styles - own).square().sum(dim=0) + between
        mean, n = mean.to(own) + step * (len(styles) / total), total
    return ChannelStatistics(mean, (scatter / max(1, n - 1)).sqrt())


def sampled(
    generator: Generator, count: int, random: torch.Generator, batch: int = SAMPLED_AT_ONCE
) -> Iterator[Codes]:
    """Batches of codes as the generator samples them, so many in all."""
    for start in range(0, count, batch):
        yield generator.sample(min(batch, count - start), random)
