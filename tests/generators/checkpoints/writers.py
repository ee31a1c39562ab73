"""Files as other projects write them, made from a network of this project's.

The classes that such files name exist only while a file is written.
"""

import argparse
import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pipeline.generators.checkpoints.own import save_own
from pipeline.generators.checkpoints.stylegan2_export import (
    nvidia_kwargs,
    to_nvidia,
    to_rosinality,
)
from pipeline.generators.checkpoints.stylegan2_names import (
    genforce,
    hammer,
    locate,
    tensorflow,
)
from pipeline.generators.stylegan2 import StyleGAN2, StyleGAN2Config

SOURCE = "open('{marker}', 'w').close()\n" + "# padding\n" * 300


def random_network(config: StyleGAN2Config, seed: int = 0) -> StyleGAN2:
    """A network in which every tensor is random, so that a forgotten one shows."""
    generator = torch.Generator().manual_seed(seed)
    network = StyleGAN2(config).eval().requires_grad_(False)
    for name, tensor in network.state_dict().items():
        scale = 0.3 if name.endswith(("noise_strength", "affine.bias", "w_avg")) else 1.0
        tensor.copy_(torch.randn(tensor.shape, generator=generator) * scale)
        if name.startswith("mapping.fc") and name.endswith("weight"):
            tensor.mul_(100)
    return network


@contextmanager
def modules(**names: Any) -> Iterator[None]:
    """Make objects importable as ``module.name`` (dots written as two underscores) for a while."""
    before = dict(sys.modules)
    for dotted, value in names.items():
        path = dotted.replace("__", ".")
        module, _, name = path.rpartition(".")
        parts = module.split(".")
        for i in range(len(parts)):
            sys.modules.setdefault(".".join(parts[: i + 1]), ModuleType(parts[i]))
        setattr(sys.modules[module], name, value)
        value.__module__, value.__qualname__, value.__name__ = module, name, name
    try:
        yield
    finally:
        for added in sys.modules.keys() - before.keys():
            del sys.modules[added]


class EasyDict(dict):
    """A dictionary with a name of its own."""


class Network:
    """A TensorFlow network: its state is all that is pickled."""

    def __init__(self, **state: Any) -> None:
        self.__dict__.update(state)


class Persistent:
    """A module of NVIDIA's: pickled as a call that gets everything there is to know."""

    def __init__(self, class_name: str, state: dict[str, Any], source: str) -> None:
        self.meta = EasyDict(
            type="class", version=6, module_src=source, class_name=class_name, state=state
        )

    def __reduce__(self) -> Any:
        return reconstruct, (self.meta,)


def reconstruct(meta: Any) -> Any:
    raise AssertionError("the original runs the source that meta brings along")


def nvidia_module(
    state: dict[str, Tensor], kwargs: dict[str, Any], source: str, clamp: float | None
) -> Persistent:
    """A tree of modules with the tensors of a state dict."""
    tree: dict[str, Any] = {}
    for name, tensor in state.items():
        *path, last = name.split(".")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[last] = tensor
    return _module("Generator", tree, source, clamp, kwargs)


def _module(
    kind: str, tree: dict[str, Any], source: str, clamp: float | None, kwargs: dict[str, Any]
) -> Persistent:
    parameters, buffers, inner = OrderedDict(), OrderedDict(), OrderedDict()
    for name, value in tree.items():
        if isinstance(value, dict):
            inner[name] = _module(name, value, source, clamp, {})
        elif name.endswith(("_avg", "_const", "_filter")):
            buffers[name] = value
        else:
            parameters[name] = torch.nn.Parameter(value, requires_grad=False)
    state: dict[str, Any] = {
        "training": False,
        "_parameters": parameters,
        "_buffers": buffers,
        "_non_persistent_buffers_set": set(),
        "_backward_hooks": OrderedDict(),
        "_modules": inner,
        "_init_args": (),
        "_init_kwargs": EasyDict(kwargs),
    }
    if "noise_strength" in parameters:
        state |= {"conv_clamp": clamp, "activation": "lrelu", "use_noise": True, "up": 2}
        state["weight_gain"] = np.float64(0.1)
    if kind.startswith("fc"):
        state["bias_gain"] = 0.01
    return Persistent(kind, state, source)


def write_nvidia(
    network: StyleGAN2,
    path: Path,
    protocol: int = 4,
    nested: bool = True,
    source: str = SOURCE,
) -> None:
    """A pickle of stylegan2-ada-pytorch (``nested`` arguments) or stylegan3 (flat ones)."""
    kwargs: dict[str, Any] = dict(nvidia_kwargs(network))
    inner = {key: EasyDict(kwargs.pop(f"{key}_kwargs")) for key in ("mapping", "synthesis")}
    kwargs |= {f"{k}_kwargs": v for k, v in inner.items()} if nested else inner["synthesis"]
    clamp = network.config.conv_clamp
    state = to_nvidia(network)
    other = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    with modules(
        torch_utils__persistence___reconstruct_persistent_obj=reconstruct,
        dnnlib__util__EasyDict=EasyDict,
    ):
        content = {
            "G": nvidia_module(other, kwargs, source, clamp),
            "D": nvidia_module({"b4.fc.weight": torch.zeros(3, 3)}, {}, source, None),
            "G_ema": nvidia_module(state, kwargs, source, clamp),
            "training_set_kwargs": EasyDict(path="x.zip", max_size=70000, xflip=True),
            "augment_pipe": None,
        }
        path.write_bytes(pickle.dumps(content, protocol))


def tensorflow_variables(network: StyleGAN2) -> dict[str, np.ndarray[Any, Any]]:
    """The variables of a network as TensorFlow keeps them, by the oracle's names."""
    found = {}
    for name, tensor in network.state_dict().items():
        kind, _, part = locate(name)
        x = tensor
        if name.endswith("conv0.weight"):
            x = x.flip(2, 3)
        if x.ndim == 4:
            x = x.permute(2, 3, 1, 0)
        elif name.endswith("weight"):
            x = x.T
        elif part == "affine.bias":
            x = x - 1
        elif part == "noise_const":
            x = x[None, None]
        elif kind.endswith("const"):
            x = x[None]
        found[tensorflow(name).name] = x.contiguous().numpy()
    return found


def tensorflow_networks(variables: dict[str, Any], version: int, **options: Any) -> Network:
    """A network with its components, each with the variables under its name."""
    own = {k: v for k, v in variables.items() if not k.startswith("components.")}
    components = {
        part: Network(
            version=version,
            name=f"G_{part}",
            static_kwargs={},
            components={},
            build_module_src=SOURCE,
            build_func_name=f"G_{part}",
            variables=[
                (k.removeprefix(f"components.{part}."), v)
                for k, v in variables.items()
                if k.startswith(f"components.{part}.")
            ],
        )
        for part in ("mapping", "synthesis")
    }
    return Network(
        version=version,
        name="Gs",
        static_kwargs=dict(options),
        components=components,
        build_module_src=SOURCE,
        build_func_name="G_main",
        variables=[*own.items(), ("lod", np.float32(0))],
    )


def write_tensorflow(network: StyleGAN2, path: Path, protocol: int = 4, version: int = 4) -> None:
    """A pickle of stylegan2 (version 4) or of stylegan2-ada for TensorFlow (version 5)."""
    variables = tensorflow_variables(network)
    options = {
        "num_channels": 3,
        "resolution": network.resolution,
        "label_size": network.config.num_classes,
        "architecture": "skip",
        "resample_kernel": [1, 3, 3, 1],
        "conv_clamp": network.config.conv_clamp,
    }
    with modules(dnnlib__tflib__network__Network=Network):
        averaged = tensorflow_networks(variables, version, **options)
        zeros = {k: np.zeros_like(v) for k, v in variables.items()}
        trained = tensorflow_networks(zeros, version, **options)
        discriminator = Network(version=version, name="D", components={}, variables=[])
        path.write_bytes(pickle.dumps((trained, discriminator, averaged), protocol))


def write_rosinality(network: StyleGAN2, path: Path, legacy: bool = False) -> None:
    """A converted checkpoint."""
    torch.save(to_rosinality(network), path, _use_new_zipfile_serialization=not legacy)


def write_rosinality_trained(network: StyleGAN2, path: Path) -> None:
    """A checkpoint of a training: no ``latent_avg``, but all that the training needs."""
    averaged = to_rosinality(network)["g_ema"]
    moments = {"step": torch.tensor(1.0), "exp_avg": torch.ones(3), "exp_avg_sq": torch.ones(3)}
    content = {
        "g": averaged,
        "d": OrderedDict({"convs.0.weight": torch.ones(2, 2)}),
        "g_ema": averaged,
        "g_optim": {"state": {0: moments}, "param_groups": [{"lr": 2e-3, "params": [0]}]},
        "args": argparse.Namespace(size=network.resolution, latent=512, n_mlp=8, path="x"),
        "ada_aug_p": 0.0,
    }
    torch.save(content, path)


def hammer_state(network: StyleGAN2, source: Callable[[str], Any] = hammer) -> dict[str, Tensor]:
    """A state dict in the naming of Hammer, or of genforce."""
    state = {}
    for name, tensor in network.state_dict().items():
        kind, _, part = locate(name)
        x = tensor.detach()
        if kind.endswith("const"):
            x = x[None]
        if part == "noise_const":
            x = x[None, None]
        if source is genforce and name.endswith("conv0.weight"):
            x = x.flip(2, 3)
        if source is genforce and part == "affine.bias":
            x = x - 1
        state[source(name).name] = x
    return state


def write_hammer(network: StyleGAN2, path: Path) -> None:
    """A checkpoint of Hammer or ReSeFa."""
    state = hammer_state(network)
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    state["synthesis.filter"] = state["synthesis.layer1.filter"] = torch.outer(taps, taps)
    zeros = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    options = {
        "resolution": network.resolution,
        "mapping_lr_mul": np.float64(0.01),
        "conv_clamp": network.config.conv_clamp,
    }
    content = {
        "models": {"generator": zeros, "discriminator": {}, "generator_smooth": state},
        "model_kwargs_init": {"generator_smooth": options},
        "running_metadata": {"iter": 5},
    }
    torch.save(content, path)


def write_genforce(network: StyleGAN2, path: Path) -> None:
    """A checkpoint of the older genforce."""
    state = hammer_state(network, genforce)
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 4
    state["synthesis.upsample.kernel"] = torch.outer(taps, taps)[None, None]
    state["synthesis.layer1.filter.kernel"] = torch.outer(taps, taps)[None, None]
    zeros = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    content = {"generator": zeros, "discriminator": {}, "generator_smooth": state}
    torch.save(content, path, _use_new_zipfile_serialization=False)


def write_nvidia_state(network: StyleGAN2, path: Path) -> None:
    """What ``convert_checkpoint.py --to nvidia`` writes."""
    torch.save({"G_ema": to_nvidia(network), "init_kwargs": nvidia_kwargs(network)}, path)


Writer = Callable[[StyleGAN2, Path], None]

WRITERS: dict[str, Writer] = {
    "nvidia, protocol 2": lambda n, p: write_nvidia(n, p, 2),
    "nvidia, protocol 3": lambda n, p: write_nvidia(n, p, 3),
    "nvidia, protocol 4, flat": lambda n, p: write_nvidia(n, p, 4, nested=False),
    "nvidia, protocol 5": lambda n, p: write_nvidia(n, p, 5),
    "nvidia, state dict": write_nvidia_state,
    "tensorflow 4, protocol 2": lambda n, p: write_tensorflow(n, p, 2),
    "tensorflow 4, protocol 4": write_tensorflow,
    "tensorflow 5, protocol 5": lambda n, p: write_tensorflow(n, p, 5, 5),
    "rosinality, zip": write_rosinality,
    "rosinality, legacy": lambda n, p: write_rosinality(n, p, legacy=True),
    "rosinality, trained": write_rosinality_trained,
    "hammer": write_hammer,
    "genforce": write_genforce,
    "own": lambda n, p: save_own(n, p),
}
"""Every form of a StyleGAN2 file."""
