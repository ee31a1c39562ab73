"""Which style channels draw which part (Style Intervention, Liu et al. 2020, Figure 2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from omegaconf import DictConfig
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.functional import interpolate, one_hot

from pipeline.errors import UserError
from pipeline.evaluators.base import fingerprint_of
from pipeline.experiment import Experiment
from pipeline.generators.base import Codes
from pipeline.generators.stylegan2 import StyleGAN2
from pipeline.methods.style_channels import is_to_rgb
from pipeline.metrics.base import Estimate
from pipeline.metrics.intervals import mean_estimate
from pipeline.report.sheets import contact_sheet
from pipeline.runner import Runner
from pipeline.stages.base import Progress, Stage, generator_settings
from pipeline.stages.inputs import Sampling
from pipeline.tasks.base import Findings, Task

TOP = 0.05  # share of the pixels that count as activated
Overlaps = dict[str, Tensor]


def activated(features: Tensor, resolution: int, share: float = TOP) -> Tensor:
    """Where a feature map is in its highest share: bool ``[n, c, resolution, resolution]``.

    Args:
        features: ``[n, c, h, w]``; enlarged bilinearly first.
        resolution: of the images.
        share: of the pixels of every map.
    """
    size = (resolution, resolution)
    maps = interpolate(features.float(), size, mode="bilinear", align_corners=False).flatten(2)
    count = max(1, round(share * maps.shape[2]))
    best = maps.topk(count, dim=2).indices
    mask = torch.zeros_like(maps, dtype=torch.bool).scatter_(2, best, True)
    return mask.view(*features.shape[:2], *size)


def overlaps(mask: Tensor, labels: Tensor, parts: int) -> Tensor:
    """Intersection over union of activations and parts, NaN where an image lacks the part.

    Args:
        mask: bool ``[n, c, H, W]``.
        labels: part ids ``[n, H, W]``.
        parts: how many there are.

    Returns:
        ``[n, c, parts]``.
    """
    shown = one_hot(labels.long(), parts).flatten(1, 2).float()
    flat = mask.flatten(2).float()
    both = flat @ shown
    sizes = shown.sum(1)[:, None]
    union = flat.sum(2)[:, :, None] + sizes - both
    return torch.where(sizes > 0, both / union, torch.nan)


@dataclass
class Overlapping(Stage[Overlaps]):
    """Overlaps of all channels with all parts, summed over images.

    A result holds for every layer the mean over the images that show a part ``[c, parts]``, and
    ``images``, how many those are ``[parts]``.
    """

    generator: StyleGAN2
    codes: Codes
    parser: Any
    parts: int
    batch: int
    name = "overlap"

    def settings(self) -> Mapping[str, Any]:
        """Generator, parser and the share that counts; codes have a key."""
        return {
            "generator": generator_settings(self.generator),
            "parser": fingerprint_of(self.parser),
            "top": TOP,
        }

    @torch.inference_mode()
    def compute(self, progress: Progress) -> Overlaps:
        """Every batch is rendered once, its features looked at on the way."""
        sums: Overlaps = {}
        images = torch.zeros(self.parts)
        for first in range(0, len(self.codes), self.batch):
            codes = self.codes[first : first + self.batch]
            labels, features = seen(self.generator, codes, self.parser)
            images += one_hot(labels.long().flatten(1), self.parts).any(1).sum(0).cpu()
            for layer, maps in features.items():
                found = overlaps(activated(maps, labels.shape[-1]), labels, self.parts)
                sums[layer] = sums.get(layer, torch.zeros(())) + found.nansum(0).cpu()
            progress(first + len(codes), len(self.codes))
        means = {layer: total / images.clamp(min=1) for layer, total in sums.items()}
        return means | {"images": images}

    def save(self, result: Overlaps, folder: Path) -> None:
        """One safetensors file."""
        save_file(result, folder / "overlaps.safetensors")

    def load(self, folder: Path) -> Overlaps:
        """Read it."""
        return load_file(folder / "overlaps.safetensors")


def seen(generator: StyleGAN2, codes: Codes, parser: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Part ids of the images of codes, and what every convolution made on the way."""
    features: dict[str, Tensor] = {}

    def look(layer: str, maps: Tensor) -> Tensor:
        if not is_to_rgb(layer):
            features[layer] = maps
        return maps

    images = generator.render(codes, hook=look)
    return parser.parse(images.clamp(-1, 1)), features


@dataclass
class ChannelParts(Task):
    """The channels whose activations lie best on a part, in every layer.

    Args:
        parts: those that are shown on the sheet, by name.
        shown: images on it.
        name: what the task is called.
    """

    parts: Sequence[str] = field(default_factory=lambda: ("hair", "eyes", "mouth", "background"))
    shown: int = 4
    name: str = "channel_parts"

    def check(self, experiment: Experiment) -> None:
        """Refuse a generator whose features cannot be seen, or pictures without parts."""
        if not isinstance(experiment.generator, StyleGAN2):
            raise UserError(
                f"task={self.name} looks into StyleGAN2, this is "
                f"generator={experiment.generator.name}."
            )
        experiment.domain.part_ids(list(self.parts))

    def run(self, experiment: Experiment, config: DictConfig, runner: Runner) -> Findings:
        """Compare, and show the best channel of some parts."""
        e, domain = experiment, experiment.domain
        if not isinstance(e.generator, StyleGAN2):
            raise TypeError("checked before")
        drawn = runner.run(Sampling(e.generator, config.samples, config.seed, "evaluate"))
        stage = Overlapping(
            e.generator, drawn.value, domain.parser, len(domain.parts), config.batch
        )
        found = runner.run(stage, [drawn.key]).value
        counts = found.pop("images")
        best = {part: best_channels(found, i) for i, part in enumerate(domain.parts)}
        details = {
            "parts": {
                part: {"images": int(counts[i]), "layers": best[part]}
                for i, part in enumerate(domain.parts)
            },
            "top": TOP,
        }
        metrics = {f"iou_{part}": _best(rows) for part, rows in best.items()}
        with torch.inference_mode():
            sheet = self._sheet(e.generator, drawn.value[: self.shown], domain.parser, best)
        return Findings(metrics, details, {"channels": sheet})

    def _sheet(
        self,
        generator: StyleGAN2,
        codes: Codes,
        parser: Any,
        best: Mapping[str, Sequence[Mapping[str, Any]]],
    ) -> Image.Image:
        images = generator.render(codes).clamp(-1, 1)
        labels, features = seen(generator, codes, parser)
        rows, names = [list(images)], ["images"]
        for part in self.parts:
            top = max(best[part], key=lambda row: row["iou"])
            maps = features[top["layer"]][:, [top["channel"]]]
            mask = activated(maps, images.shape[-1])
            rows.append(
                [torch.where(m, x, 0.25 * x - 0.75) for m, x in zip(mask, images, strict=True)]
            )
            names.append(f"{part}: {top['layer']}_{top['channel']}, IoU {top['iou']:.2f}")
        columns = [f"no. {i}" for i in range(len(codes))]
        return contact_sheet(rows, columns, names, "Top 5 % activations of single channels")


def best_channels(found: Overlaps, part: int) -> list[dict[str, Any]]:
    """The channel of every layer that overlaps a part most, on average over images."""
    rows = []
    for layer, means in sorted(found.items(), key=lambda item: _place(item[0])):
        value, channel = means[:, part].max(0)
        rows.append({"layer": layer, "channel": int(channel), "iou": float(value)})
    return rows


def _place(layer: str) -> tuple[int, str]:
    """Layers in the order of the network: b4.conv1, b8.conv0, ..."""
    block, _, name = layer.partition(".")
    return int(block.removeprefix("b")), name


def _best(rows: Sequence[Mapping[str, Any]]) -> Estimate:
    """The best of all layers; of one mean there is no interval."""
    return mean_estimate(torch.tensor([max(row["iou"] for row in rows)], dtype=torch.float64))
