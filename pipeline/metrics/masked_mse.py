"""Locality of an edit: mean squared error inside and outside the region."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.metrics.base import Estimate, PerSampleMetric
from pipeline.metrics.colour import Lab, lab_error, to_unit
from pipeline.metrics.intervals import mean_estimate, ratio_estimate

# The maps are summed as integers of this fraction of a unit: integer sums are exact, so that any
# order of samples and any split into shards gives the same map. Room for 4 million images.
_UNITS = {"mse": 2.0**40, "mse_lab": 2.0**24, "mse_lab_reference": 2.0**40}
_STORED = {"mse": "sum_rgb", "mse_lab": "sum_lab", "mse_lab_reference": "sum_lab_reference"}


def region_means(errors: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean of errors ``[n, H, W]`` inside and outside masks ``[n, H, W]``; NaN where empty.

    Fractional masks weigh the pixels.
    """
    inside = (errors * mask).sum((1, 2)) / mask.sum((1, 2))
    outside = (errors * (1 - mask)).sum((1, 2)) / (1 - mask).sum((1, 2))
    return inside, outside


class MaskedMSE(PerSampleMetric):
    """Squared error per pixel and channel inside and outside the region (ReSeFa, figure 5).

    RGB errors are on images scaled to [0, 1]; CIELAB errors in CIELAB units (three channels on
    average, so a third of the squared CIE76 colour difference).

    Numbers: ``mse_in``, ``mse_out``, ``mse_ratio`` (the first over the second, of the means over
    images: higher is more local) and the same with ``mse_lab``. Means have t intervals, ratios a
    paired bootstrap; an image without the region counts outside only.

    Args:
        lab: which CIELAB. With ``reference`` the names have ``mse_lab_reference`` in them, and the
            errors are scaled as the public code of Collins et al. 2020 scales them.
    """

    def __init__(self, lab: Lab = Lab.CORRECT) -> None:
        self.lab = Lab(lab)
        correct = self.lab == Lab.CORRECT
        self.kinds = ("mse", "mse_lab" if correct else "mse_lab_reference")
        columns = tuple(f"{kind}_{side}" for kind in self.kinds for side in ("in", "out"))
        super().__init__("mse", columns, "" if correct else f"lab={self.lab}")
        self._sums: dict[str, Tensor] = {}

    def compute(self) -> dict[str, Estimate]:
        """Means and ratios over the images."""
        samples = self.per_sample()
        results = {}
        for kind in self.kinds:
            inside, outside = samples[f"{kind}_in"], samples[f"{kind}_out"]
            results[f"{kind}_in"] = mean_estimate(inside)
            results[f"{kind}_out"] = mean_estimate(outside)
            results[f"{kind}_ratio"] = ratio_estimate(inside, outside)
        return results

    def maps(self) -> dict[str, Tensor]:
        """Where the edit changed the images: mean squared error per pixel, float64 ``[H, W]``.

        ``mse_map`` (RGB in [0, 1]) and ``mse_lab_map``; empty before the first sample.
        """
        return {
            f"{kind}_map": total.double() / (_UNITS[kind] * len(self))
            for kind, total in self._sums.items()
        }

    def _measure(self, original: Tensor, edited: Tensor, mask: Tensor) -> Tensor:
        a, b = to_unit(original), to_unit(edited)
        both = (a - b).square().mean(1), lab_error(a, b, self.lab)
        errors = dict(zip(self.kinds, both, strict=True))
        self._add_sums({k: (e * _UNITS[k]).round().long().sum(0).cpu() for k, e in errors.items()})
        columns = [part for e in errors.values() for part in region_means(e, mask.double())]
        return torch.stack(columns, 1)

    def _add_sums(self, sums: Mapping[str, Tensor]) -> None:
        for kind, total in sums.items():
            known = self._sums.get(kind, torch.zeros_like(total))
            if known.shape != total.shape:
                raise UserError(
                    f"{self.name}: images of {tuple(total.shape)} and of {tuple(known.shape)} "
                    "pixels in one measurement; use one resolution throughout."
                )
            self._sums[kind] = known + total

    def _merge(self, other: Any) -> None:
        self._add_sums(other._sums)
        super()._merge(other)

    def _state(self) -> dict[str, Tensor]:
        return {**super()._state(), **{_STORED[k]: v for k, v in self._sums.items()}}

    def _load(self, state: Mapping[str, Tensor]) -> None:
        super()._load(state)
        self._sums = {k: state[_STORED[k]] for k in self.kinds if _STORED[k] in state}
