"""StyleGAN3 files: NVIDIA's pickles of configurations T and R, and their state dicts.

Sizes and filters of the layers are stored, but not the schedule that they follow. The schedule is
taken from the options that the network was made with, or else found, and then checked against
every stored filter: what follows no known schedule is refused.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.alias_free import Resampling
from pipeline.generators.checkpoints.form import (
    Content,
    Form,
    Reader,
    Source,
    refuse_options,
    subtree,
)
from pipeline.generators.checkpoints.hollow import Hollow
from pipeline.generators.checkpoints.progressive import last_number, number
from pipeline.generators.stylegan3 import StyleGAN3, StyleGAN3Config

FORM = "stylegan3-nvidia"
SIGN = "synthesis.input.freqs"
LAYER = re.compile(r"synthesis\.(L(\d{1,4})_(\d{1,6})_(\d{1,6}))\.weight")
FILTERS = r"synthesis\.L\d+_\d+_\d+\.(up|down)_filter"
NEEDED = ("mapping.fc0.weight", "synthesis.input.affine.weight", "synthesis.input.weight")
SCHEDULE: Mapping[str, type] = {
    "first_cutoff": float,
    "first_stopband": float,
    "last_stopband_rel": float,
    "output_scale": float,
    "lrelu_upsampling": int,
    "filter_size": int,
    "margin_size": int,
    "num_critical": int,
}
"""Options that are fields of the configuration, where it cannot be read from the tensors."""

TOLD = (
    *("z_dim", "w_dim", "c_dim", "img_resolution", "img_channels", "num_layers", "conv_kernel"),
    *("use_radial_filters", "mapping_kwargs.num_layers"),
)
"""Options that the tensors tell, too."""

IDLE = (
    *("channel_base", "channel_max", "num_fp16_res", "magnitude_ema_beta", "class_name"),
    "mapping_kwargs.w_avg_beta",
)
"""Options of training and precision, and those that the layers' channels tell, all of them."""

OTHERS = ("conv_clamp", "mapping_kwargs.lr_multiplier")
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Found:
    """The network in a file.

    Attributes:
        tensors: by official names.
        options: what it was made with.
        attributes: plain attributes of its modules, which pickles hold.
    """

    tensors: Content
    options: Content
    attributes: Content


def _find(content: Content) -> Found | None:
    for prefix in ("G_ema.", "G.", ""):
        if prefix + SIGN in content:
            network = subtree(content, prefix)
            options = subtree(content, "init_kwargs.") | subtree(network, "init_kwargs.")
            about = re.compile(r"(init_kwargs|attributes)\..*")
            tensors = {k: leaf for k, leaf in network.items() if not about.fullmatch(k)}
            return Found(tensors, options, subtree(network, "attributes."))
    return None


def _build(content: Content) -> StyleGAN3:
    """The network of a file.

    Raises:
        UserError: something is missing, left over, does not fit, or is not known here.
    """
    found = _find(content)
    if found is None:
        raise UserError(f"{FORM}: the file lacks the tensor {SIGN}.")
    unknown = found.options.keys() - {*SCHEDULE, *TOLD, *IDLE, *OTHERS}
    if unknown:
        raise UserError(f"{FORM}: made with the unknown options {', '.join(sorted(unknown)[:5])}.")
    refuse_options(FORM, found.options, {"img_channels": (3,)})
    config = _config(found)
    _check_told(found.options, config)
    with Hollow():
        sources = {name: Source(name) for name in StyleGAN3(config).state_dict()}
    return Reader(FORM, found.tensors, sources).fill(partial(StyleGAN3, config), FILTERS)


def _config(found: Found) -> StyleGAN3Config:
    """The architecture: from the tensors, from the options what they leave open."""
    layers = _layers(found.tensors)
    stored = {name: Source(name) for name in (*found.tensors, *NEEDED)}
    reader = Reader(FORM, found.tensors, stored)
    _, w_dim = reader.shape("synthesis.input.affine.weight", 2)
    _, features = reader.shape("mapping.fc0.weight", 2)
    classes = 0
    if "mapping.embed.weight" in found.tensors:
        _, classes = reader.shape("mapping.embed.weight", 2)
    filters = {name: reader[name] for name in stored if re.fullmatch(FILTERS, name)}
    down = [taps.ndim == 2 for name, taps in filters.items() if name.endswith(".down_filter")]
    radial = any(down) if down else bool(found.options.get("use_radial_filters", False))
    fields: dict[str, Any] = _schedule(found) | {
        "resolution": int(layers[-1][3]),
        "channels": tuple(int(match[4]) for match in layers[:-1]),
        "z_dim": features - (w_dim if classes else 0),
        "w_dim": w_dim,
        "mapping_layers": last_number(found.tensors, r"mapping\.fc(\d{1,3})\.weight") + 1,
        "mapping_lr_multiplier": _learning_rate(found),
        "num_classes": classes,
        "conv_kernel": reader.shape(layers[0][0], 4)[3],
        "use_radial_filters": radial,
        "conv_clamp": _clamp(found),
    }
    return _fitting(fields, layers, filters)


def _layers(tensors: Content) -> list[re.Match[str]]:
    """The layers by their official names (number, size, channels), in order."""
    found = [match for name in tensors if (match := LAYER.fullmatch(name))]
    found.sort(key=lambda match: int(match[2]))
    if len(found) < 3 or [int(match[2]) for match in found] != list(range(len(found))):
        raise UserError(f"{FORM}: layers are missing; the file has {len(found)}.")
    return found


def _schedule(found: Found) -> dict[str, Any]:
    attributes = subtree(found.attributes, "synthesis.")
    told = attributes | dict(found.options)
    return {
        name: kind(number(FORM, told, name, 0)) for name, kind in SCHEDULE.items() if name in told
    }


def _learning_rate(found: Found) -> float:
    stored = number(FORM, found.options, "mapping_kwargs.lr_multiplier", 0.01)
    return number(FORM, found.attributes, "mapping.fc0.bias_gain", stored)


def _clamp(found: Found) -> float | None:
    """The bound on activations; the layers of a pickle tell theirs, unless they have none."""
    clamps = {x for name, x in found.attributes.items() if name.endswith(".conv_clamp")}
    if len(clamps) > 1:
        raise UserError(f"{FORM}: layers with different conv_clamp are not known.")
    if not clamps and any(name.endswith(".conv_kernel") for name in found.attributes):
        return None
    told = {"conv_clamp": clamps.pop()} if clamps else found.options
    return number(FORM, told, "conv_clamp", 256.0)


def _fitting(
    fields: dict[str, Any], layers: list[re.Match[str]], filters: Mapping[str, Tensor]
) -> StyleGAN3Config:
    """The configuration under which all layers have the sizes and filters of the file.

    Raises:
        UserError: there is none.
    """
    first, names = layers[0], [match[1] for match in layers]
    if "filter_size" not in fields and f"synthesis.{first[1]}.up_filter" in filters:
        taps = len(filters[f"synthesis.{first[1]}.up_filter"])
        fields["filter_size"] = taps // fields.get("lrelu_upsampling", 2)
    if "margin_size" not in fields:
        bare = StyleGAN3Config(**fields | {"margin_size": 0, "num_critical": 0})
        fields["margin_size"] = (int(first[3]) - bare.signals[0].size) // 2
    counts = sorted(range(len(names) - 1), key=lambda count: abs(count - 2))  # 2 is usual
    for critical in (fields["num_critical"],) if "num_critical" in fields else counts:
        config = StyleGAN3Config(**fields | {"num_critical": critical})
        plans = config.resamplings
        if list(plans) == names and all(_has(filters, name, plans[name]) for name in names):
            return config
    raise UserError(f"{FORM}: sizes and filters of its layers follow no known schedule.")


def _has(filters: Mapping[str, Tensor], layer: str, plan: Resampling) -> bool:
    """Whether the filters of a layer are stored as designed; trivial ones are not stored."""
    for name, taps in (("up", plan.up_filter), ("down", plan.down_filter)):
        stored = filters.get(f"synthesis.{layer}.{name}_filter")
        designed = torch.from_numpy(taps).float()
        if stored is None and len(taps) > 1:
            return False
        if stored is not None and not (
            stored.shape == designed.shape and torch.allclose(stored, designed, 0, TOLERANCE)
        ):
            return False
    return True


def _check_told(options: Content, config: StyleGAN3Config) -> None:
    """Refuse options that contradict the tensors."""
    tensors: dict[str, Collection[Any]] = {
        "z_dim": (config.z_dim,),
        "w_dim": (config.w_dim,),
        "c_dim": (config.num_classes,),
        "img_resolution": (config.resolution,),
        "num_layers": (len(config.channels),),
        "conv_kernel": (config.conv_kernel,),
        "use_radial_filters": (config.use_radial_filters,),
        "mapping_kwargs.num_layers": (config.mapping_layers,),
    }
    for name, values in tensors.items():
        if name in options and options[name] not in values:
            raise UserError(
                f"{FORM}: the network was made with {name}={options[name]}, "
                f"but its tensors are those of {name}={next(iter(values))}."
            )


FORMS = (Form(FORM, lambda content: _find(content) is not None, _build),)
