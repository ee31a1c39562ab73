"""The small convolutional networks behind the evaluators of the embedded domain (64 x 64)."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.weak import WeakIdKeyDictionary

SIZE = 64
WIDTHS = (16, 48, 96, 112, 64)
HIDDEN = 128
TRACE = 1e-3  # of the image: a part with less mass counts as absent


def unit(activations: Tensor, eps: float = 1e-8) -> Tensor:
    """Activations divided by their Euclidean length along dimension 1 (zero stays zero)."""
    squares = activations.square().sum(1, keepdim=True)
    return activations * torch.rsqrt(squares + eps)


def moments(weights: Tensor) -> Tensor:
    """Where something is and how it is spread, from its weights over the image.

    Args:
        weights: ``[n, k, h, w]``, not negative.

    Returns:
        ``[n, 7 k]``: mass, mean row and column, their three second central moments, and the third
        one that says whether the left and right ends stand higher than the middle (a smile). Rows
        and columns run from -1 to 1.
    """
    rows = torch.linspace(-1, 1, weights.shape[2], device=weights.device)
    columns = torch.linspace(-1, 1, weights.shape[3], device=weights.device)
    mass = weights.mean((2, 3))
    total = ((mass + TRACE) * weights[0, 0].numel())[..., None]
    in_row, in_column = weights.sum(3) / total, weights.sum(2) / total
    row, column = in_row @ rows, in_column @ columns
    down, right = rows - row[..., None], columns - column[..., None]
    # A row at a time: the sums along it of the distances from the middle and of their squares.
    sums = weights @ torch.stack([right, right.square()], -1) / total[..., None]
    once, squared = sums.unbind(-1)
    central = [(in_row * down.square()).sum(2), squared.sum(2), (once * down).sum(2)]
    return torch.cat([mass, row, column, *central, (squared * down).sum(2)], 1)


def pooled(features: Tensor, weights: Tensor) -> Tensor:
    """Weighted means ``[n, k c]`` of features ``[n, c, h, w]`` under weights ``[n, k, h, w]``."""
    flat = weights.flatten(2)
    total = (flat.mean(2, keepdim=True) + TRACE) * flat.shape[2]
    return (flat @ features.permute(0, 2, 3, 1).flatten(1, 2) / total).flatten(1)


class ConvNorm(nn.Sequential):
    """A 3 x 3 convolution and batch normalisation, without the activation."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        super().__init__(convolution, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """``[n, inputs, h, w]`` to ``[n, outputs, h / stride, w / stride]``.

        Outside training the normalisation is a part of the kernel: one pass over the data.
        """
        if self.training:
            trained: Tensor = super().forward(x)
            return trained
        convolution: Any = self[0]
        norm: Any = self[1]
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
        kernel = convolution.weight * scale[:, None, None, None]
        bias = norm.bias - norm.running_mean * scale
        return functional.conv2d(x, kernel, bias, convolution.stride, convolution.padding)


class Residual(nn.Module):
    """A basic residual block (He et al. 2016, figure 5 left) of constant width."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = ConvNorm(width, width), ConvNorm(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[n, width, h, w]`` to the same shape."""
        return torch.relu_(x + self.second(torch.relu_(self.first(x))))


class Encoder(nn.Module):
    """Five levels of activations, each of half the resolution of the one before."""

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        self.stem = ConvNorm(3, widths[0])
        self.entries = nn.ModuleList(ConvNorm(a, b, stride=2) for a, b in pairwise(widths))
        levels: list[nn.Module] = [Residual(width) for width in widths[1:-1]]
        self.levels = nn.ModuleList([*levels, nn.Identity()])

    def forward(self, images: Tensor) -> list[Tensor]:
        """Levels ``[n, widths[i], 64 / 2^i, 64 / 2^i]`` of images in [-1, 1], finest first."""
        maps = [torch.relu_(self.stem(images))]
        for entry, level in zip(self.entries, self.levels, strict=True):
            maps.append(level(torch.relu_(entry(maps[-1]))))
        return maps


class Decoder(nn.Module):
    """From coarse to fine with the levels of an encoder added on the way (Lin et al. 2017)."""

    def __init__(self, widths: Sequence[int] = WIDTHS) -> None:
        super().__init__()
        pairs = list(pairwise(widths[::-1]))
        self.narrow = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in pairs)
        self.merge = nn.ModuleList(ConvNorm(b, b) for _, b in pairs)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Levels of the same shapes as those given, finest first."""
        levels = [maps[-1]]
        for narrow, merge, skip in zip(self.narrow, self.merge, maps[-2::-1], strict=True):
            # The 1 x 1 convolution commutes with the interpolation and is cheaper before it.
            wide = functional.interpolate(narrow(levels[0]), scale_factor=2.0, mode="bilinear")
            levels.insert(0, torch.relu_(merge(skip + wide)))
        return levels


class Trunk(nn.Module):
    """Encoder, decoder and part logits: what all evaluators of the domain are built on."""

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder(), Decoder()
        self.last = ConvNorm(WIDTHS[0], WIDTHS[0])
        self.to_logits = nn.Conv2d(WIDTHS[0], parts, 1)
        self._seen = WeakIdKeyDictionary()

    def forward(self, images: Tensor) -> "Sight":
        """What images ``[n, 3, 64, 64]`` in [-1, 1] show.

        In inference mode a tensor is looked at once and remembered for as long as it lives: many
        readers share a trunk, and an original is compared with many edits.
        """
        if not torch.is_inference_mode_enabled():
            return self._look(images)
        if images not in self._seen:
            self._seen[images] = self._look(images)
        sight: Sight = self._seen[images]
        return sight

    def _look(self, images: Tensor) -> "Sight":
        encoded = self.encoder(images.contiguous(memory_format=torch.channels_last))
        decoded = self.decoder(encoded)
        finest = torch.relu_(self.last(decoded[0]))
        return Sight(tuple(encoded), decoded[1], finest, self.to_logits(finest))


@dataclass(frozen=True)
class Sight:
    """What a trunk makes of images.

    Attributes:
        levels: encoded activations ``[n, widths[i], 64 / 2^i, 64 / 2^i]``, finest first.
        middle: decoded activations ``[n, widths[1], 32, 32]``.
        finest: decoded activations ``[n, widths[0], 64, 64]``.
        logits: of the parts, ``[n, parts, 64, 64]``.
    """

    levels: tuple[Tensor, ...]
    middle: Tensor
    finest: Tensor
    logits: Tensor

    @property
    def layout(self) -> Tensor:
        """Coarsest activations ``[n, widths[-1], 4, 4]``."""
        return self.levels[-1]


class Summary(nn.Module):
    """One vector: the layout, the shape of every part, and the mean activations in every part.

    Shape and mean follow a part wherever it is, to fractions of a pixel; convolutions with strides
    alone lose by how little an eyelid or the corner of a mouth moves.
    """

    def __init__(self, parts: int, dim: int) -> None:
        super().__init__()
        cells = (SIZE // 2 ** (len(WIDTHS) - 1)) ** 2
        inputs = cells * WIDTHS[-1] + parts * (7 + WIDTHS[0] + WIDTHS[1])
        self.input_norm = nn.BatchNorm1d(inputs)
        self.hidden = nn.Linear(inputs, HIDDEN)
        self.output = nn.Linear(HIDDEN, dim, bias=False)
        self.direct = nn.Linear(inputs, dim, bias=False)
        self.output_norm = nn.BatchNorm1d(dim)

    def forward(self, sight: Sight) -> Tensor:
        """Vectors ``[n, dim]`` with mean zero and variance one over the data."""
        # Positions need more digits than bfloat16 has.
        with torch.autocast(sight.logits.device.type, enabled=False):
            # In training the labels alone say where the parts are; what reads them must not.
            logits = sight.logits.detach() if self.training else sight.logits
            parts = logits.float().softmax(1)
            halved = functional.avg_pool2d(parts, 2)
            means = [pooled(sight.finest.float(), parts), pooled(sight.middle.float(), halved)]
            joined = torch.cat([sight.layout.float().flatten(1), moments(parts), *means], 1)
            normal = self.input_norm(joined)
            hidden = torch.relu_(self.hidden(normal))
            vectors: Tensor = self.output_norm(self.direct(normal) + self.output(hidden))
        return vectors


class Reader(nn.Module):
    """One trunk read in two ways: part labels, and factors by summary and head.

    The two tasks are trained together; the parser, the regressor and the feature extractor each
    ship the modules they need.
    """

    def __init__(self, parts: int, factors: int, dim: int = 128) -> None:
        super().__init__()
        self.trunk, self.summary = Trunk(parts), Summary(parts, dim)
        self.head = nn.Linear(dim, factors)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Part logits ``[n, parts, 64, 64]`` and factor outputs ``[n, factors]``."""
        sight = self.trunk(images)
        return sight.logits, self.head(self.summary(sight))


class Identifier(nn.Module):
    """A trunk and a summary whose direction is the identity of a face."""

    def __init__(self, parts: int, dim: int = 64) -> None:
        super().__init__()
        self.trunk, self.summary = Trunk(parts), Summary(parts, dim)

    def forward(self, images: Tensor) -> Tensor:
        """Unit vectors ``[n, dim]``."""
        return unit(self.summary(self.trunk(images)))
