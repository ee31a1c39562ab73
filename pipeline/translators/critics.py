"""Critics: how real a picture is, and which attributes it has."""

from torch import Tensor, nn

SLOPE = 0.01  # of the leaky ReLUs


class PatchCritic(nn.Module):
    """StarGAN's critic (Choi et al. 2018, Table 5): every patch judged, the whole classified.

    Args:
        attributes: how many there are.
        channels: of the first layer; each further one has twice as many.
        layers: how many, each halves the size.
        resolution: of the pictures.
    """

    def __init__(self, attributes: int, channels: int, layers: int, resolution: int) -> None:
        super().__init__()
        widths = [3, *(channels * 2**i for i in range(layers))]
        rows = [_halving(a, b) for a, b in zip(widths, widths[1:], strict=False)]
        self.main = nn.Sequential(*rows)
        self.patches = nn.Conv2d(widths[-1], 1, 3, padding=1, bias=False)
        self.classes = nn.Conv2d(widths[-1], attributes, resolution // 2**layers, bias=False)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Scores ``[n, p]`` of all patches and logits ``[n, attributes]``."""
        x = self.main(images)
        return self.patches(x).flatten(1), self.classes(x).flatten(1)


class WholeCritic(nn.Module):
    """AttGAN's critic (He et al. 2019, Table I): shared convolutions, two heads for the whole.

    Args:
        attributes: see :class:`PatchCritic`; likewise the others.
        channels: of the first layer.
        layers: how many.
        resolution: of the pictures.
    """

    HIDDEN = 8  # times the channels, in each head

    def __init__(self, attributes: int, channels: int, layers: int, resolution: int) -> None:
        super().__init__()
        widths = [3, *(channels * 2**i for i in range(layers))]
        rows = [_halving(a, b, normed=True) for a, b in zip(widths, widths[1:], strict=False)]
        self.main = nn.Sequential(*rows, nn.Flatten())
        features = widths[-1] * (resolution // 2**layers) ** 2
        self.score = _head(features, self.HIDDEN * channels, 1)
        self.classes = _head(features, self.HIDDEN * channels, attributes)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """A score ``[n, 1]`` and logits ``[n, attributes]``."""
        x = self.main(images)
        return self.score(x), self.classes(x)


def _halving(before: int, after: int, normed: bool = False) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, 4, stride=2, padding=1)
    # Without norms, torch's own beginning lets signals fade from layer to layer.
    nn.init.kaiming_normal_(convolution.weight, SLOPE)
    norm = [nn.InstanceNorm2d(after, affine=True)] if normed else []
    return nn.Sequential(convolution, *norm, nn.LeakyReLU(SLOPE))


def _head(features: int, hidden: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(features, hidden), nn.LeakyReLU(SLOPE), nn.Linear(hidden, outputs)
    )
