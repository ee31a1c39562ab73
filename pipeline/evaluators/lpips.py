"""LPIPS with the official heads, from a local file of backbone weights."""

import re
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.errors import UserError, unknown_name
from pipeline.weights.cache import require

BACKBONES = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}


class LPIPS(nn.Module):
    """Learned perceptual distance, version 0.1 (Zhang et al. 2018, equation 1).

    The network and its linear heads are those of the ``lpips`` package. AlexNet is what papers
    report and is called ``lpips``; the others are called ``lpips_vgg`` and ``lpips_squeeze``.

    Args:
        net: the backbone, one of :data:`BACKBONES`.
        path: torchvision's file of its weights; None for the registered one in the weights folder.

    Raises:
        UserError: there is no such backbone, or the file is absent or another one.
    """

    def __init__(self, net: str = "alex", path: Path | None = None) -> None:
        super().__init__()
        if net not in BACKBONES:
            raise unknown_name("net", net, BACKBONES)
        self.name = "lpips" if net == "alex" else f"lpips_{net}"
        self.source = str(path or require(BACKBONES[net]))
        self.network = _network(net)
        _load_backbone(self.network.net, Path(self.source))
        self.requires_grad_(False).eval()

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Distances ``[n]``, float32, of images ``[n, 3, H, W]`` in [-1, 1]; differentiable."""
        head = next(self.parameters())
        distances: Tensor = self.network(a.to(head), b.to(head))
        return distances.flatten()


def _network(net: str) -> Any:
    """The package's network with its own heads and an untrained backbone."""
    import lpips  # brings torchvision, which is slow to import

    with warnings.catch_warnings():  # it calls torchvision the way of before 0.13
        warnings.filterwarnings("ignore", category=UserWarning, module="torchvision")
        return lpips.LPIPS(net=net, pnet_rand=True, verbose=False)


def _load_backbone(backbone: nn.Module, path: Path) -> None:
    """Fill the package's slices from torchvision's layers: slice2.3.weight is features.3.weight."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        own = {
            name: state[re.sub(r"^slice\d+\.", "features.", name)] for name in backbone.state_dict()
        }
        backbone.load_state_dict(own)
    except Exception as error:  # torch raises many kinds for a file that is no checkpoint
        raise UserError(
            f"{path} does not hold the weights of this backbone ({type(error).__name__}): "
            f"it must be torchvision's file, such as those of {', '.join(BACKBONES.values())}."
        ) from error
