"""The network that says which shift made an image of another, and how far it went (Sec. 3.2)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FEATURES = 512


class Reconstructor(nn.Module):
    """ResNet-18 (torchvision's, from scratch) over both images, with two heads.

    Args:
        directions: K, the number of shifts to tell apart.
        resolution: what the images are resampled to (nearest); the paper's is 256.
        seed: of the initial weights.
    """

    def __init__(self, directions: int, resolution: int, seed: int = 0) -> None:
        super().__init__()
        from torchvision.models import resnet18  # slow to import

        self.resolution = resolution
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.trunk = resnet18(weights=None)
            self.trunk.conv1 = nn.Conv2d(6, 64, 7, stride=2, padding=3, bias=False)
            nn.init.kaiming_normal_(self.trunk.conv1.weight, mode="fan_out", nonlinearity="relu")
            self.trunk.fc = nn.Identity()
            self.direction = nn.Linear(FEATURES, directions)
            self.magnitude = nn.Linear(FEATURES, 1)

    def forward(self, original: Tensor, shifted: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the direction ``[n, K]`` and the magnitude ``[n]`` as a share of the range.

        Args:
            original: images ``[n, 3, H, W]``, about [-1, 1].
            shifted: the same with a kernel moved.
        """
        images = torch.cat([original, shifted], dim=1).to(self.direction.weight)
        if images.shape[-1] != self.resolution or images.shape[-2] != self.resolution:
            images = F.interpolate(images, (self.resolution, self.resolution), mode="nearest")
        features = self.trunk(images.contiguous(memory_format=torch.channels_last))
        return self.direction(features), self.magnitude(features)[:, 0]
