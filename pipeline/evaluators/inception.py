"""The Inception network of the official FID, from a local file of weights."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pipeline.errors import UserError
from pipeline.weights.cache import require
from pipeline.weights.registry import REGISTRY


class InceptionFeatures(nn.Module):
    """The 2048 pooled features that FID is defined on (Heusel et al. 2017, TensorFlow port).

    The layers are pytorch-fid's. Images are rounded to 8 bits first, as those read from files are,
    then brought to 299 x 299 bilinearly without antialiasing, as pytorch-fid does.

    Args:
        path: pytorch-fid's file of weights; None for the registered one in the weights folder.

    Raises:
        UserError: the file is absent or is another one.
    """

    name = "fid"
    dim = 2048

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        self.source = str(path or require("inception_fid"))
        self.layers = _layers(Path(self.source))
        self.requires_grad_(False).eval()

    @torch.no_grad()
    def forward(self, images: Tensor) -> Tensor:
        """Features ``[n, 2048]``, float32, of images ``[n, 3, H, W]`` in [-1, 1]."""
        parameter = next(self.parameters())
        stored = (images.to(parameter) + 1).mul(127.5).round().clamp(0, 255)
        resized = F.interpolate(stored / 255, size=(299, 299), mode="bilinear")
        features: Tensor = self.layers(2 * resized - 1)
        return features


def _layers(path: Path) -> nn.Sequential:
    """The network up to the pooled features; its classifier takes part in the loading only."""
    from pytorch_fid import inception as fid  # brings torchvision, which is slow to import
    from torchvision.models import Inception3

    net: Any = Inception3(num_classes=1008, aux_logits=False, init_weights=False)
    net.Mixed_5b = fid.FIDInceptionA(192, pool_features=32)
    net.Mixed_5c = fid.FIDInceptionA(256, pool_features=64)
    net.Mixed_5d = fid.FIDInceptionA(288, pool_features=64)
    net.Mixed_6b = fid.FIDInceptionC(768, channels_7x7=128)
    net.Mixed_6c = fid.FIDInceptionC(768, channels_7x7=160)
    net.Mixed_6d = fid.FIDInceptionC(768, channels_7x7=160)
    net.Mixed_6e = fid.FIDInceptionC(768, channels_7x7=192)
    net.Mixed_7b = fid.FIDInceptionE_1(1280)
    net.Mixed_7c = fid.FIDInceptionE_2(2048)
    try:
        net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises many kinds for a file that is no checkpoint
        raise UserError(
            f"{path} does not hold the weights of the FID Inception network "
            f"({type(error).__name__}): get {REGISTRY['inception_fid'].addresses[0]}."
        ) from error
    order = (
        *("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "maxpool1"),
        *("Conv2d_3b_1x1", "Conv2d_4a_3x3", "maxpool2"),
        *("Mixed_5b", "Mixed_5c", "Mixed_5d"),
        *("Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"),
        *("Mixed_7a", "Mixed_7b", "Mixed_7c", "avgpool"),
    )
    return nn.Sequential(*(getattr(net, part) for part in order), nn.Flatten())
