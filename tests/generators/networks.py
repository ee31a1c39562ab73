"""Small random networks to test with: every tensor is random, so that a forgotten term shows."""

from typing import Any

import torch

from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config


def small_network(seed: int = 0, dtype: torch.dtype = torch.float64, **changes: Any) -> StyleGAN2:
    """A frozen StyleGAN2 of 16 x 16 pixels; changes are of its configuration."""
    settings = {"z_dim": 5, "w_dim": 6, "mapping_layers": 2} | changes
    network = StyleGAN2(StyleGAN2Config(16, (7, 6, 5), **settings)).to(dtype)
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            scale = 100 if name.startswith("mapping.fc") else 1  # stored divided by its multiplier
            tensor.copy_(scale * torch.randn(tensor.shape, generator=random, dtype=dtype))
    return network.eval().requires_grad_(False)
