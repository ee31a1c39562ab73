"""Small translators with random weights."""

from typing import Any

import torch
from torch import Tensor

from pipeline.translators.attgan import AttGAN, AttGANConfig
from pipeline.translators.base import Translator
from pipeline.translators.stargan import StarGAN, StarGANConfig

PICTURES: dict[str, Any] = {
    "attributes": ("top", "bald"), "resolution": 16, "domain": "procfaces"
}  # fmt: skip
STARGAN = StarGANConfig(channels=4, blocks=2, halvings=1, **PICTURES)
ATTGAN = AttGANConfig(channels=4, layers=3, **PICTURES)


def small(config: StarGANConfig | AttGANConfig, seed: int = 0) -> Translator:
    """A translator in which every tensor is random, so that a forgotten one shows."""
    network = StarGAN(config) if isinstance(config, StarGANConfig) else AttGAN(config)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if tensor.is_floating_point():
                values = torch.randn(tensor.shape, generator=random)
                tensor.copy_(values.abs() if name.endswith("var") else 0.3 * values)
    return network.eval().requires_grad_(False)


def pictures(n: int = 3, size: int = 16, seed: int = 1) -> Tensor:
    """Noise in [-1, 1]."""
    return 2 * torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(seed)) - 1
