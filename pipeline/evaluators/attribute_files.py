"""Attribute classifiers from NVIDIA's TensorFlow pickles, whose code is never run."""

import logging
import re
from pathlib import Path
from typing import Any

from torch import Tensor

from pipeline.disk import reason
from pipeline.errors import UserError
from pipeline.evaluators.attribute_network import AttributeNetwork, AttributeNetworkConfig
from pipeline.generators.checkpoints.files import MISFITS, map_file, read_content
from pipeline.generators.checkpoints.form import Content, Reader, Source, refuse_options, subtree
from pipeline.generators.checkpoints.progressive import (
    kernel_of_tensorflow,
    last_number,
    number,
    refuse_unfinished,
)
from pipeline.weights.attributes import GROUP

FORM = "attribute classifier"
INERT = r"lod|FromRGB_lod[1-9]\d*/(weight|bias)"
OPTIONS = {
    "num_channels": (3,),
    "label_size": (0,),
    "use_wscale": (True,),
    "nonlinearity": ("lrelu",),
    "mbstd_num_features": (0, 1),
}
BLURRED = {"D_paper": False, "D_basic": True}
"""Discriminators of PGGAN and StyleGAN: whether they blur before downscaling."""

log = logging.getLogger(__name__)


def read_attribute_network(path: Path) -> AttributeNetwork:
    """The classifier in a file, in float32, ready for evaluation.

    Args:
        path: a pickle as NVIDIA published them; the architecture follows from its variables.

    Raises:
        UserError: it is missing, damaged, refused, or holds another network.
    """
    try:
        return build(read_content(path, map_file(path)))
    except UserError as error:
        raise _refused(path, str(error).removeprefix(f"checkpoint={path}: ")) from error
    except MISFITS as error:
        raise _refused(path, reason(error)[:200]) from error


def _refused(path: Path, why: str) -> UserError:
    return UserError(
        f"{path} holds no attribute classifier that can be read: {why.rstrip('.')}. Delete it and "
        f"fetch NVIDIA's (python scripts/fetch_weights.py {GROUP}, or one of them by name)."
    )


def build(content: Content) -> AttributeNetwork:
    """The classifier of a flat content (:mod:`pipeline.generators.checkpoints.tensorflow`).

    Raises:
        UserError: variables are missing, left over or of another shape, or an option is unknown.
    """
    variables = {
        re.sub(r"^D_\w+/", "", name): leaf
        for name, leaf in subtree(content, "Gs.variables.").items()
    }
    options = subtree(content, "Gs.static_kwargs.")
    blocks = last_number(variables, r"(\d{1,5})x\1/.*").bit_length() - 2
    if blocks < 2 or "FromRGB_lod0/weight" not in variables:
        raise UserError("it has no layers FromRGB_lod0, ..., 8x8, 4x4 as a discriminator has")
    refuse_options(FORM, options, OPTIONS)
    refuse_unfinished(FORM, variables.get("lod", 0))
    reader = Reader(FORM, variables, _sources(variables, blocks))
    reader.check_names(INERT)
    config = _config(reader, blocks, options, _blurred(content, options))
    return reader.fill(lambda: AttributeNetwork(config), INERT)


def _sources(variables: Content, blocks: int) -> dict[str, Source]:
    """Where every tensor of the network lies."""
    down = "Conv1" if _late(variables) else "Conv1_down"
    layers = {"fromrgb": "FromRGB_lod0", "b4.conv": "4x4/Conv"}
    for size in (2 ** (i + 2) for i in range(1, blocks)):
        layers |= {f"b{size}.conv0": f"{size}x{size}/Conv0"}
        layers |= {f"b{size}.conv1": f"{size}x{size}/{down}"}
    sources: dict[str, Source] = {}
    for own, theirs in layers.items():
        sources[f"{own}.conv.weight"] = Source(f"{theirs}/weight", kernel_of_tensorflow)
        sources[f"{own}.bias"] = Source(f"{theirs}/bias")
    for dense in ("dense0", "dense1"):
        theirs = f"4x4/{dense.capitalize()}"
        sources[f"b4.{dense}.weight"] = Source(f"{theirs}/weight", _transposed)
        sources[f"b4.{dense}.bias"] = Source(f"{theirs}/bias")
    return sources


def _transposed(matrix: Tensor) -> Tensor:
    """A matrix ``[in, out]`` as ``[out, in]``."""
    return matrix.permute(1, 0)


def _late(variables: Content) -> bool:
    return "8x8/Conv1/weight" in variables


def _config(reader: Reader, blocks: int, options: Content, blurred: bool) -> AttributeNetworkConfig:
    widths = [reader.shape(f"b{2 ** (i + 2)}.conv0.bias", 1)[0] for i in range(1, blocks)]
    lowest = reader.shape("b8.conv1.bias", 1)[0]
    head = (reader.shape("b4.conv.bias", 1)[0], reader.shape("b4.dense0.bias", 1)[0])
    compares = reader.shape("b4.conv.conv.weight", 4)[1] == lowest + 1
    group = int(number(FORM, options, "mbstd_group_size", 4)) if compares else 0
    late = _late(reader.tensors)
    return AttributeNetworkConfig((lowest, *widths), head, group, blurred, late)


def _blurred(content: Content, options: Content) -> bool:
    """Whether the network blurs before it downscales: an option, or what its kind does.

    The variables do not tell; the source in the file would, but it is not looked at.

    Raises:
        UserError: it has another filter than the known one.
    """
    if "blur_filter" in options or "blur_filter.0" in options:
        refuse_options(FORM, options, {"blur_filter": (None, [], [1, 2, 1], (1, 2, 1))})
        return bool(options.get("blur_filter"))
    kind: Any = content.get("Gs.build_func_name", "D_paper")
    if kind not in BLURRED:
        log.warning("%s: made by '%s', which is taken for PGGAN's discriminator", FORM, kind)
    return BLURRED.get(str(kind), False)
