"""Images as PNG: clamped first, pixel for pixel where they are small."""

import base64
import io
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

Pixels = NDArray[np.uint8]

# Every fifteenth colour of matplotlib's "inferno", which is perceptually uniform: equal steps in
# the number are equal steps to the eye. Written here because importing matplotlib takes a second.
_INFERNO = (
    "000003 090621 1d0c45 370961 500d6c 68166e 801f6b 982765 af315b "
    "c53d4d d94d3d e8612b f37918 fa9306 fbb014 f8cd37 f1e968 fcfea4"
)
UNKNOWN = (128, 128, 128)


def to_pixels(image: Tensor) -> Pixels:
    """``[3, H, W]``, RGB, clamped to [-1, 1], as uint8 ``[H, W, 3]``; NaN becomes black."""
    unit = (image.detach().float().cpu().nan_to_num(-1.0).clamp(-1, 1) + 1) / 2
    pixels: Pixels = (unit * 255).round().to(torch.uint8).permute(1, 2, 0).contiguous().numpy()
    return pixels


def shrink(image: Tensor, longest: int) -> Tensor:
    """``[..., H, W]`` averaged over areas until no side is longer; small ones stay as they are."""
    height, width = image.shape[-2:]
    scale = longest / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    flat = image.detach().float().reshape(-1, 1, height, width)
    return adaptive_avg_pool2d(flat, size).reshape(*image.shape[:-2], *size)


def png_bytes(pixels: Pixels) -> bytes:
    """Uint8 ``[H, W, 3]`` as a PNG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels, "RGB").save(buffer, "PNG", compress_level=6)
    return buffer.getvalue()


def data_uri(pixels: Pixels) -> str:
    """Uint8 ``[H, W, 3]`` as an address that holds the PNG itself."""
    return "data:image/png;base64," + base64.b64encode(png_bytes(pixels)).decode()


def save_png(image: Tensor | Image.Image, path: Path) -> None:
    """Write one image, ``[3, H, W]`` in [-1, 1] (clamped) or a finished sheet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = image if isinstance(image, Image.Image) else Image.fromarray(to_pixels(image), "RGB")
    drawn.save(path, "PNG")


def heat_map(values: Tensor, low: float, high: float, logarithmic: bool = False) -> Pixels:
    """Numbers ``[H, W]`` as colours ``[H, W, 3]``; what lies beyond the range takes its ends.

    Args:
        values: the numbers; NaN becomes grey.
        low: the number of the darkest colour; positive where the scale is logarithmic.
        high: the number of the lightest, above `low`.
        logarithmic: whether colours follow the logarithm.
    """
    numbers = values.detach().double().cpu().numpy()
    if logarithmic:
        numbers, low, high = np.log(np.maximum(numbers, low)), np.log(low), np.log(high)
    shares = np.clip((numbers - low) / (high - low), 0, 1)
    colours = palette(256)[np.nan_to_num(shares * 255).round().astype(np.intp)]
    colours[np.isnan(shares)] = UNKNOWN
    return colours


def palette(count: int) -> Pixels:
    """Colours at equal steps along the colour map, dark to light, uint8 ``[count, 3]``."""
    anchors = np.array([list(bytes.fromhex(code)) for code in _INFERNO.split()])
    places = np.linspace(0, len(anchors) - 1, count)
    channels = [np.interp(places, np.arange(len(anchors)), channel) for channel in anchors.T]
    return np.stack(channels, axis=1).round().astype(np.uint8)
