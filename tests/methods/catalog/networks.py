"""Small random networks of the three kinds that a catalog can be made of."""

from typing import TypeVar

import torch

from pipeline.generators.base import Generator
from pipeline.generators.pggan import PGGAN, PGGANConfig
from pipeline.generators.stylegan import StyleGAN, StyleGANConfig

Network = TypeVar("Network", bound=Generator)


def randomised(network: Network, seed: int = 0) -> Network:
    """The network with all of its tensors random, frozen, in float64."""
    random = torch.Generator().manual_seed(seed)
    network.double()
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            scale = 100 if name.startswith("mapping.fc") else 1
            tensor.copy_(scale * torch.randn(tensor.shape, generator=random, dtype=tensor.dtype))
    return network.eval().requires_grad_(False)


def small_stylegan(seed: int = 0) -> StyleGAN:
    """A StyleGAN of 16 x 16 pixels."""
    config = StyleGANConfig(16, (7, 6, 5), z_dim=5, w_dim=6, mapping_layers=2, mapping_width=6)
    return randomised(StyleGAN(config), seed)


def small_pggan(seed: int = 0) -> PGGAN:
    """A PGGAN of 16 x 16 pixels."""
    return randomised(PGGAN(PGGANConfig(16, (7, 6, 5), z_dim=5)), seed)
