"""What the names of the metrics mean, for readers of reports and tables."""

from dataclasses import dataclass
from typing import Literal

Better = Literal["higher", "lower"]
Source = Literal["formula", "official", "stand-in"]


@dataclass(frozen=True)
class MetricInfo:
    """A metric in words.

    Attributes:
        label: short text for figures and column heads.
        unit: what it is measured in; empty for a pure number.
        better: which way is better; None where neither is.
        what: one sentence.
        source: a formula on pixels, the network that defines the metric, or a stand-in for it.
    """

    label: str
    unit: str
    better: Better | None
    what: str
    source: Source = "formula"


_RGB = "RGB in [0, 1]"
_LAB = "CIELAB units²"

METRICS: dict[str, MetricInfo] = {
    "psnr": MetricInfo(
        "PSNR", "dB", "higher", "likeness of pixels, the logarithm of their mean squared error"
    ),
    "mse": MetricInfo("MSE", _RGB, "lower", "squared difference per pixel and channel"),
    "mse_ratio": MetricInfo(
        "MSE in / out",
        "",
        "higher",
        "mean squared error per pixel inside over outside the region; higher is more local",
    ),
    "mse_in": MetricInfo(
        "MSE in", _RGB, None, "squared change per pixel and channel inside the region"
    ),
    "mse_out": MetricInfo(
        "MSE out", _RGB, "lower", "squared change per pixel and channel outside the region"
    ),
    "mse_lab_ratio": MetricInfo(
        "MSE Lab in / out", "", "higher", "the same ratio of the errors in CIELAB"
    ),
    "mse_lab_in": MetricInfo("MSE Lab in", _LAB, None, "as MSE in, in CIELAB"),
    "mse_lab_out": MetricInfo("MSE Lab out", _LAB, "lower", "as MSE out, in CIELAB"),
    "ssim": MetricInfo(
        "SSIM", "", "higher", "structural similarity to the original; 1 for the same image"
    ),
    "id": MetricInfo(
        "ID",
        "cosine",
        "higher",
        "similarity of the identities before and after, ArcFace; 1 for the same vector",
        "official",
    ),
    "id_embedded": MetricInfo(
        "ID (embedded)",
        "cosine",
        "higher",
        "similarity of the identities before and after, by the embedded domain's own network",
        "stand-in",
    ),
    "fid": MetricInfo(
        "FID",
        "",
        "lower",
        "Fréchet distance of Inception features to the reference set",
        "official",
    ),
    "fd_embedded": MetricInfo(
        "FD (embedded)",
        "",
        "lower",
        "Fréchet distance of the embedded features to the reference set; not comparable with FID",
        "stand-in",
    ),
    "lpips": MetricInfo(
        "LPIPS", "", "lower", "perceptual distance to the original, AlexNet features", "official"
    ),
    "lpips_vgg": MetricInfo(
        "LPIPS (VGG)", "", "lower", "perceptual distance to the original, VGG features", "official"
    ),
    "lpips_embedded": MetricInfo(
        "LPIPS (embedded)",
        "",
        "lower",
        "perceptual distance to the original, embedded features; not comparable with LPIPS",
        "stand-in",
    ),
}
"""The known metrics, in the order in which reports show them."""

HEADLINE = (
    ("mse_ratio",),
    ("mse_in",),
    ("mse_out",),
    ("ssim",),
    ("id", "id_embedded"),
    ("fid", "fd_embedded"),
    ("lpips", "lpips_embedded"),
)
"""The numbers that a report opens with: of each group the first that was measured."""


def metric_info(name: str) -> MetricInfo:
    """A metric in words; one that is not known speaks for itself."""
    if name in METRICS:
        return METRICS[name]
    if name.endswith("_undetected"):
        info = metric_info(name.removesuffix("_undetected"))
        what = "fraction of the pairs left out because no face was found in one of the images"
        return MetricInfo(f"{info.label}, undetected", "", "lower", what, info.source)
    source: Source = "stand-in" if "_embedded" in name else "formula"
    return MetricInfo(name.replace("_", " "), "", None, "", source)


def in_order(names: list[str]) -> list[str]:
    """Names in the order of `METRICS`, unknown ones behind, as given."""
    known = list(METRICS)
    return sorted(names, key=lambda name: known.index(name) if name in known else len(known))
