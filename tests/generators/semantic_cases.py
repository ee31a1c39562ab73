"""Tiny SemanticStyleGANs in which every tensor is random."""

from dataclasses import replace

import torch

from pipeline.generators.semantic_stylegan import SemanticStyleGAN, SemanticStyleGANConfig

CONFIG = SemanticStyleGANConfig(
    resolution=16,
    classes=("background", "skin", "mouth", "glasses"),
    channels=(6, 4),
    transparent=("glasses",),
    coarse_resolution=8,
    local_channels=5,
    feature_channels=7,
    local_layers=4,
    base_layers=1,
    depth_layers=3,
    z_dim=6,
    w_dim=6,
    mapping_layers=2,
)


def random_network(seed: int = 0, psi: float = 1.0, **changes: object) -> SemanticStyleGAN:
    """A frozen network, the same for every call."""
    generator = torch.Generator().manual_seed(seed)
    network = SemanticStyleGAN(replace(CONFIG, **changes), psi).eval()  # type: ignore[arg-type]
    for name, tensor in network.state_dict().items():
        scale = 100.0 if name.startswith("mapping.fc") and tensor.ndim == 2 else 1.0
        tensor.copy_(torch.randn(tensor.shape, generator=generator) * scale)
    return network.requires_grad_(False)
