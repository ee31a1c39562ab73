"""What files of StyleGAN and PGGAN share: where the generator lies, and what it was made with."""

import math
import re
from typing import Any

from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.checkpoints.form import Content, as_tensor, subtree

TORCH_NETWORKS = (
    *("models.generator_smooth.", "models.generator.", "generator_smooth.", "generator."),
    "",
)
"""Where Hammer's and genforce's files hold a generator; the averaged one goes first."""

TENSORFLOW_NETWORKS = ("Gs.", "G.", "")
"""Where NVIDIA's TensorFlow pickles hold a generator; the averaged one goes first."""

DESCRIPTION = r"(components\.\w+\.)?(version|name|components|build_\w+)"
"""What the state of a TensorFlow network holds beside variables and options."""


def torch_network(content: Content, key: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tensors and options of the generator in a file of Hammer or genforce, if there is one.

    Args:
        content: the file.
        key: pattern of a tensor that the generator has.
    """
    prefix = _prefix(content, TORCH_NETWORKS, key)
    if prefix is None:
        return {}, {}
    made_with = f"model_kwargs_init.{prefix.removeprefix('models.')}"
    options = subtree(content, made_with) or subtree(content, "model_kwargs_init.generator.")
    return subtree(content, prefix), options if prefix else {}


def tensorflow_network(content: Content) -> tuple[dict[str, Any], dict[str, Any]]:
    """Variables and options of the generator in a TensorFlow pickle, if there is one.

    A StyleGAN's two parts are joined, of which only the variable ``lod`` has the same name as one
    of the whole, and that is set from the whole's.
    """
    prefix = _prefix(content, TENSORFLOW_NETWORKS, r"(.*[./])?ToRGB_lod\d+/(weight|bias)")
    tensors: dict[str, Any] = {}
    options: dict[str, Any] = {}
    network = {} if prefix is None else subtree(content, prefix)
    for key in sorted(network, key=lambda k: not k.startswith("components.")):
        if option := re.fullmatch(r"(?:components\.\w+\.)?static_kwargs\.(.+)", key):
            options[option[1]] = network[key]
        elif not re.fullmatch(DESCRIPTION, key):
            name = re.sub(r"^(components\.\w+\.)?(variables\.)?(G_\w+/)?", "", key)
            tensors[name] = network[key]
    return tensors, options


def _prefix(content: Content, prefixes: tuple[str, ...], key: str) -> str | None:
    for prefix in prefixes:
        if any(re.fullmatch(key, k) for k in subtree(content, prefix)):
            return prefix
    return None


def layer_name(number: int) -> str:
    """The networks' name of the layer with a number, counted from the first at 4 x 4 = 0."""
    return f"b{4 * 2 ** (number // 2)}.conv{number % 2}"


def last_number(tensors: Content, pattern: str) -> int:
    """The greatest number that the first group of a pattern finds in the names, -1 if none."""
    return max((int(m[1]) for k in tensors if (m := re.fullmatch(pattern, k))), default=-1)


def number(form: str, options: Content, name: str, default: float) -> float:
    """An option that is a number.

    Raises:
        UserError: it is something else.
    """
    value = options.get(name, default)
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise UserError(f"{form}: the option {name}={value} must be a number.") from error


def fused_from(form: str, options: Content, default: str | bool) -> float:
    """The output size from which up-convolutions are fused, as the option ``fused_scale`` says.

    Raises:
        UserError: it says something unknown.
    """
    value = options.get("fused_scale", default)
    if isinstance(value, str) and value == "auto":
        return number(form, options, "fused_scale_res", 128)
    if value not in (True, False):
        raise UserError(f"{form}: the option fused_scale={value} must be True, False or auto.")
    return 0 if value else math.inf


def refuse_unfinished(form: str, lod: Any) -> None:
    """Refuse a network in the middle of its growth, whose images are smaller than its layers.

    Raises:
        UserError: its level of detail is not 0.
    """
    if float(as_tensor(lod)) != 0:
        raise UserError(
            f"{form}: the network is a snapshot in the middle of its growth (lod = "
            f"{float(as_tensor(lod)):g}); only final ones, with lod = 0, can be loaded."
        )


def flipped(kernel: Tensor) -> Tensor:
    """A kernel ``[out, in, k, k]`` of a fused up-convolution as the unfused one has it."""
    return kernel.flip(2, 3)


def kernel_of_tensorflow(kernel: Tensor) -> Tensor:
    """A kernel ``[k, k, in, out]`` as ``[out, in, k, k]``."""
    return kernel.permute(3, 2, 0, 1)
