"""StyleGAN files: Hammer's and ReSeFa's ``.pth``, genforce's older ``.pth``, NVIDIA's pickles."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.checkpoints.form import (
    Content,
    Form,
    Reader,
    Source,
    holder,
    refuse_options,
    subtree,
)
from pipeline.generators.checkpoints.progressive import (
    TORCH_NETWORKS,
    fused_from,
    last_number,
    option,
    refuse_unfinished,
    tensorflow_network,
    torch_options,
)
from pipeline.generators.progressive import FUSED_RESOLUTION
from pipeline.generators.stylegan import StyleGAN, StyleGANConfig

HAMMER, GENFORCE, TENSORFLOW = "stylegan-hammer", "stylegan-genforce", "stylegan-tensorflow"

HAMMER_NAMES = {
    "noise_strength": "noise_strength",
    "noise_const": "noise",
    "w_avg": "w_avg",
    "embedding": "mapping.embedding",
}
GENFORCE_NAMES = {
    "noise_strength": "apply_noise.weight",
    "noise_const": "apply_noise.noise",
    "w_avg": "truncation.w_avg",
    "embedding": "mapping.label_weight",
}
TORCH_OPTIONS = {
    "repeat_w": [True],
    "normalize_z": [True],
    "mapping_use_wscale": [True],
    "init_res": [4],
    "image_channels": [3],
    "final_tanh": [False],
    "const_input": [True],
    "use_wscale": [True],
    "lr_mul": [1],
    "noise_type": ["spatial"],
}
TENSORFLOW_OPTIONS = {
    "num_channels": [3],
    "mapping_nonlinearity": ["lrelu"],
    "nonlinearity": ["lrelu"],
    "use_wscale": [True],
    "normalize_latents": [True],
    "use_styles": [True],
    "const_input_layer": [True],
    "use_noise": [True],
    "use_pixel_norm": [False],
    "use_instance_norm": [True],
    "blur_filter": [[1, 2, 1], (1, 2, 1)],
}


def _flip(kernel: Tensor) -> Tensor:
    return kernel.flip(2, 3)


def _squeeze(tensor: Tensor) -> Tensor:
    """Drop axes of length 1 in front: noise maps and constants carry them."""
    return tensor[0, 0] if tensor.shape[:2] == (1, 1) else tensor[0]
