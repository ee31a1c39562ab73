"""AttGAN's encoder and decoder (He et al. 2019, section III and Table I).

Layers carry the names of the widely used PyTorch release, so its tensors load by name.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.translators.base import Translator, TranslatorConfig, spread_out

SLOPE = 0.01  # of the leaky ReLUs, as in the PyTorch release


@dataclass(frozen=True, kw_only=True)
class AttGANConfig(TranslatorConfig):
    """Architecture of an AttGAN; the numbers are those of the release.

    Attributes:
        channels: of the encoder's first layer; each further one has twice as many.
        most_channels: where that ends.
        layers: of the encoder and of the decoder, each halves or doubles the size.
        shortcuts: how many layers of the decoder are followed by features of the encoder.
        injections: how many are followed by the vector again.
    """

    channels: int = 64
    most_channels: int = 1024
    layers: int = 5
    shortcuts: int = 1
    injections: int = 1

    @property
    def widths(self) -> list[int]:
        """Channels after every layer of the encoder."""
        return [min(self.channels * 2**i, self.most_channels) for i in range(self.layers)]


class AttGAN(Translator):
    """Features of the picture, the vector beside them, and the way back.

    Args:
        config: the architecture.
    """

    off, on, name = -0.5, 0.5, "attgan"

    config: AttGANConfig

    def __init__(self, config: AttGANConfig) -> None:
        super().__init__(config)
        into = [3, *config.widths]
        pairs = zip(into, into[1:], strict=False)
        self.enc_layers = nn.ModuleList(Halving(before, after) for before, after in pairs)
        self.dec_layers = nn.ModuleList(_decoder(config))

    def forward(self, images: Tensor, vectors: Tensor) -> Tensor:
        """See :meth:`Translator.forward`; any size that halves evenly will do."""
        return self.decode(self.encode(images), vectors)

    def encode(self, images: Tensor) -> list[Tensor]:
        """Features after every layer of the encoder, the finest first."""
        features: list[Tensor] = []
        for layer in self.enc_layers:
            features.append(layer(features[-1] if features else images))
        return features

    def decode(self, features: list[Tensor], vectors: Tensor) -> Tensor:
        """Pictures of the features of others, with the attributes of vectors."""
        x = torch.cat([features[-1], spread_out(vectors, features[-1])], dim=1)
        for number, layer in enumerate(self.dec_layers):
            x = layer(x)
            if number < self.config.shortcuts:
                x = torch.cat([x, features[-2 - number]], dim=1)
            if number < self.config.injections:
                x = torch.cat([x, spread_out(vectors, x)], dim=1)
        return x


class Halving(nn.Module):
    """Half the size: convolution, batch norm, leaky ReLU."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        convolution = nn.Conv2d(before, after, 4, stride=2, padding=1, bias=False)
        self.layers = nn.Sequential(convolution, nn.BatchNorm2d(after), nn.LeakyReLU(SLOPE))

    def forward(self, x: Tensor) -> Tensor:
        """Features ``[n, before, h, w]`` to ``[n, after, h / 2, w / 2]``."""
        result: Tensor = self.layers(x)
        return result


class Doubling(nn.Module):
    """Twice the size: transposed convolution, then batch norm and ReLU, or tanh at the end."""

    def __init__(self, before: int, after: int, last: bool) -> None:
        super().__init__()
        up = nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, bias=last)
        rest = (nn.Tanh(),) if last else (nn.BatchNorm2d(after), nn.ReLU())
        self.layers = nn.Sequential(up, *rest)

    def forward(self, x: Tensor) -> Tensor:
        """Features ``[n, before, h, w]`` to ``[n, after, 2 h, 2 w]``."""
        result: Tensor = self.layers(x)
        return result


def _decoder(config: AttGANConfig) -> list[Doubling]:
    """The layers of the decoder: each takes what the one before gave, shortcut and vector."""
    extra, widths = len(config.attributes), config.widths
    before, rows = widths[-1] + extra, []
    for number in range(config.layers - 1):
        after = widths[-1 - number]
        rows.append(Doubling(before, after, last=False))
        before = after
        before += widths[-2 - number] if number < config.shortcuts else 0
        before += extra if number < config.injections else 0
    return [*rows, Doubling(before, 3, last=True)]
