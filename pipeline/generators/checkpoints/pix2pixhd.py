"""pix2pixHD files: a flat state of the global generator, with or without local enhancers."""

import re

from pipeline.errors import UserError
from pipeline.generators.checkpoints.form import Content, Form, Source
from pipeline.generators.checkpoints.tensors import Tensors, contains
from pipeline.generators.pix2pixhd import Pix2PixHD, Pix2PixHDConfig

FIRST = r"model\.1\.weight"
RESIDUAL = r"{}\.\d+(?=\.conv_block\.)"

INERT = r".*\.(running_mean|running_var|num_batches_tracked)"
"""Statistics that the instance norm of early PyTorch releases saved and did not use."""


def _number(layer: str) -> int:
    return int(layer.rsplit(".", 1)[1])


def enhancer_count(tensors: Tensors) -> int:
    """How many local enhancers there are."""
    halves = tensors.groups(r"model\d+_[12](?=\.)")
    return max((int(re.findall(r"\d+", half)[0]) for half in halves), default=0)


def build(content: Content) -> Pix2PixHD:
    """A pix2pixHD generator; the usual height of its images is the one of its published kind."""
    form = FORMS[0].name
    tensors = Tensors(form, content, FIRST)
    enhancers = enhancer_count(tensors)
    residual = tensors.groups(RESIDUAL.format("model"))
    if not residual or (_number(residual[0]) - 4) % 3:
        raise UserError(
            f"{form}: the file lacks tensors: the first residual block of the global generator "
            "must follow a whole number of downsamplings (as model.4, model.7, model.10, ...)."
        )
    finest = f"model{enhancers}_1" if enhancers else "model"
    width, channels, *_ = tensors.shape(f"{finest}.1.weight", 4)
    config = Pix2PixHDConfig(
        input_channels=channels,
        base_channels=width,
        downsamplings=(_number(residual[0]) - 4) // 3,
        blocks=len(residual),
        enhancers=enhancers,
        enhancer_blocks=len(tensors.groups(RESIDUAL.format(r"model1_2"))) if enhancers else 3,
        resolution=512 * 2**enhancers,
    )
    return tensors.fill(lambda: Pix2PixHD(config), Source, INERT)


FORMS: tuple[Form, ...] = (
    Form(
        "pix2pixhd",
        lambda content: contains(content, FIRST, r"model\.\d+\.conv_block\.[15]\.weight"),
        build,
    ),
)
