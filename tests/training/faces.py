"""A tiny folder of rendered faces and untrained evaluators, to train and measure on."""

from collections.abc import Callable
from pathlib import Path

import torch

from pipeline.datasets.procfaces.dataset import render_dataset
from pipeline.evaluators.embedded import AttributeRegressor, EmbeddedFeatures, FaceParser
from pipeline.generators.stylegan2 import StyleGAN2Config
from pipeline.training.loop import Training
from pipeline.training.quality import Readers
from pipeline.training.stylegan2 import Recipe

CONFIG = StyleGAN2Config(16, (8, 8, 6), z_dim=8, w_dim=8, mapping_layers=2)
RECIPE = Recipe(batch=4, r1_interval=3, path_interval=2)

Run = Callable[..., int]
"""A script's ``main``, called with its arguments; its exit status."""


def small_faces(folder: Path, size: int = 16) -> Path:
    """32 faces, of 16 x 16 pixels unless another size is given."""
    render_dataset(folder, 32, seed=0, size=size)
    return folder


def small_training(data: Path, out: Path, images: int = 24, **changes: object) -> Training:
    settings = {"save_every": 8, "snapshot_every": 16, "wandb": "disabled"} | changes
    return Training(data, out, CONFIG, RECIPE, images, **settings)  # type: ignore[arg-type]


def untrained_readers() -> Readers:
    """Evaluators with random weights; all they read means nothing, but is the same every time."""
    torch.manual_seed(0)
    readers = Readers(FaceParser(), AttributeRegressor(), EmbeddedFeatures())
    for network in (readers.parser, readers.regressor, readers.features):
        network.eval().requires_grad_(False)
    readers.regressor.provenance = {"readable": ["mouth_open", "yaw"]}
    return readers
