"""Random attribute classifiers as TensorFlow files, and what they must give by the formulas."""

import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tests.generators.checkpoints.writers import SOURCE, Network, modules

State = dict[str, Tensor]

SMALL = (4, 4, 4, 4, 2, 2, 2)
"""Channels of a network that looks at 256 px and takes no time."""


def random_classifier(
    channels: tuple[int, ...] = SMALL,
    head: tuple[int, int] = (4, 5),
    compares: bool = False,
    late: bool = False,
    seed: int = 0,
) -> State:
    """Variables of a classifier: channels from 4 x 4 up; random everywhere."""
    shapes: dict[str, tuple[int, ...]] = {"FromRGB_lod0": (1, 1, 3, channels[-1])}
    for i in range(len(channels) - 1, 0, -1):
        size, wide = 4 * 2**i, channels[i]
        shapes[f"{size}x{size}/Conv0"] = (3, 3, wide, wide)
        down = "Conv1" if late else "Conv1_down"
        shapes[f"{size}x{size}/{down}"] = (3, 3, wide, channels[i - 1])
    shapes["4x4/Conv"] = (3, 3, channels[0] + compares, head[0])
    shapes["4x4/Dense0"] = (16 * head[0], head[1])
    shapes["4x4/Dense1"] = (head[1], 1)
    random = torch.Generator().manual_seed(seed)
    state: State = {"lod": torch.zeros(())}
    for name, shape in shapes.items():
        state[f"{name}/weight"] = torch.randn(shape, generator=random)
        state[f"{name}/bias"] = torch.randn(shape[-1:], generator=random) / 10
    return state


def pictures(n: int, size: int, seed: int = 1) -> Tensor:
    """Images of 4 x 4 random patches, so that networks have something to tell apart."""
    random = torch.Generator().manual_seed(seed)
    patches = torch.rand(n, 3, 4, 4, generator=random) * 2 - 1
    return patches.repeat_interleave(size // 4, 2).repeat_interleave(size // 4, 3)


def content_of(state: State, kind: str = "D_paper", **options: Any) -> dict[str, Any]:
    """The flat content of a classifier's file."""
    named = {f"Gs.variables.{name}": leaf for name, leaf in state.items()}
    given = {f"Gs.static_kwargs.{name}": value for name, value in options.items()}
    return {"Gs.version": 3, "Gs.build_func_name": kind, **given, **named}


def write_classifier(path: Path, state: State, kind: str = "D_paper", **options: Any) -> None:
    """A classifier as NVIDIA pickled one: a single network that brings its source along."""
    with modules(dnnlib__tflib__network__Network=Network):
        network = Network(
            version=3,
            name="D",
            static_kwargs={"num_channels": 3, "resolution": 256, "label_size": 0, **options},
            components={},
            build_module_src=SOURCE,
            build_func_name=kind,
            variables=[(name, np.asarray(leaf)) for name, leaf in state.items()],
        )
        path.write_bytes(pickle.dumps(network, 3))


def naive_classifier(
    state: State, images: Tensor, group: int = 4, blurred: bool = False, late: bool = False
) -> Tensor:
    """Outputs ``[n]`` in float64, one product and one mean after the other."""
    x = _layer(state, "FromRGB_lod0", images.double())
    while x.shape[-1] > 4:
        size = f"{x.shape[-1]}x{x.shape[-1]}"
        x = _layer(state, f"{size}/Conv0", x)
        if blurred:
            x = _smooth(x)
        if late:
            x = _mean(_layer(state, f"{size}/Conv1", x))
        else:
            x = _lrelu(_mean(_sums(state, f"{size}/Conv1_down", x)))
    if state["4x4/Conv/weight"].shape[2] > x.shape[1]:
        x = torch.cat([x, _deviations(x, group)], 1)
    x = _layer(state, "4x4/Conv", x).flatten(1)
    x = _lrelu(_dense(state, "4x4/Dense0", x, math.sqrt(2)))
    return _dense(state, "4x4/Dense1", x, 1.0)[:, 0]


def _sums(state: State, name: str, x: Tensor) -> Tensor:
    """Pixel by pixel of the kernel: shifted images times a matrix, and the bias."""
    kernel = state[f"{name}/weight"].double()
    size, reach = kernel.shape[0], kernel.shape[0] // 2
    height, width = x.shape[2:]
    padded = torch.zeros(*x.shape[:2], height + 2 * reach, width + 2 * reach, dtype=x.dtype)
    padded[:, :, reach : reach + height, reach : reach + width] = x
    total = torch.zeros((), dtype=x.dtype)
    for i in range(size):
        for j in range(size):
            seen = padded[:, :, i : i + height, j : j + width]
            total = total + torch.einsum("nchw,co->nohw", seen, kernel[i, j])
    scale = math.sqrt(2 / (size * size * kernel.shape[2]))
    return total * scale + state[f"{name}/bias"].double()[:, None, None]


def _layer(state: State, name: str, x: Tensor) -> Tensor:
    return _lrelu(_sums(state, name, x))


def _lrelu(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, 0.2 * x)


def _mean(x: Tensor) -> Tensor:
    return (x[..., ::2, ::2] + x[..., 1::2, ::2] + x[..., ::2, 1::2] + x[..., 1::2, 1::2]) / 4


def _smooth(x: Tensor) -> Tensor:
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1))
    rows = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
    return (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 16


def _dense(state: State, name: str, x: Tensor, gain: float) -> Tensor:
    matrix = state[f"{name}/weight"].double()
    return x @ matrix * (gain / math.sqrt(len(matrix))) + state[f"{name}/bias"].double()


def _deviations(x: Tensor, group: int) -> Tensor:
    """Mean over features and pixels of the deviation over a group, for every image of it."""
    n = len(x)
    size = min(group, n)
    found = torch.zeros(n, 1, *x.shape[2:], dtype=x.dtype)
    for first in range(n // size):
        members = [first + k * (n // size) for k in range(size)]
        deviation = 0.0
        for cell in x[members].flatten(1).T:
            centred = [float(value - cell.mean()) for value in cell]
            deviation += math.sqrt(sum(c * c for c in centred) / size + 1e-8)
        found[members] = deviation / x[0].numel()
    return found
