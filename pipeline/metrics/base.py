"""What a metric is: a streaming, mergeable summary of original and edited images.

A metric sees each pair of images once, under its global sample index, and keeps no images. Shards
that saw different samples merge to what one process would have found, in any order. Its state is a
flat dictionary of tensors, which safetensors can hold.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from pipeline.errors import UserError


@dataclass(frozen=True)
class Estimate:
    """A number with its uncertainty.

    Attributes:
        value: the estimate; NaN where nothing was measured.
        ci95: lower and upper end of the 95 % interval; NaN where there is too little to tell.
        n: how many samples the value rests on.
    """

    value: float
    ci95: tuple[float, float]
    n: int


class Metric(ABC):
    """A metric of edits; subclasses say what they keep of a batch and what they make of it.

    Attributes:
        name: the name its main number is reported under.
        signature: name and settings; only metrics of one signature merge.
    """

    name: str
    signature: str

    def __init__(self, name: str, settings: str = "") -> None:
        self.name = name
        self.signature = f"{name}({settings})"
        self._seen: set[int] = set()

    def __len__(self) -> int:
        """How many samples have been seen."""
        return len(self._seen)

    @torch.no_grad()
    def update(self, original: Tensor, edited: Tensor, mask: Tensor, index: Tensor) -> None:
        """Take in one batch of pairs.

        Args:
            original: images before the edit, ``[n, 3, H, W]``, RGB; clamped to [-1, 1] here.
            edited: images after the edit, likewise.
            mask: the region, ``[H, W]`` or ``[n, H, W]``, 1 inside, 0 outside.
            index: integer ``[n]``, the global numbers of the samples.

        Raises:
            ValueError: the shapes do not fit together.
            UserError: a sample comes a second time, or its images are not finite.
        """
        _check_shapes(original, edited, mask, index)
        numbers = index.tolist()
        if not numbers:
            return
        self._refuse_known(numbers)
        self._refuse_broken(original, edited, numbers)
        self._add(
            clamped(original),
            clamped(edited),
            mask.to(original).expand(len(numbers), *mask.shape[-2:]),
            index.to("cpu", torch.int64),
        )
        self._seen.update(numbers)

    @abstractmethod
    def compute(self) -> dict[str, Estimate]:
        """The numbers, each with its interval and its n."""

    def merge(self, other: "Metric") -> None:
        """Take in what another process saw.

        Raises:
            UserError: it measured something else, or some of the same samples.
        """
        if other.signature != self.signature:
            raise UserError(
                f"Cannot merge {other.signature} into {self.signature}: "
                "only results of the same metric with the same settings can be merged."
            )
        self._refuse_known(other._seen)
        self._merge(other)
        self._seen |= other._seen

    def state(self) -> dict[str, Tensor]:
        """Everything it holds, as contiguous CPU tensors under flat names."""
        seen = torch.tensor(sorted(self._seen), dtype=torch.int64)
        return {"signature": _encode(self.signature), "index": seen, **self._state()}

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor], *args: Any, **kwargs: Any) -> Self:
        """The metric that :meth:`state` was taken from.

        Args:
            state: what :meth:`state` gave.
            *args: what the metric was constructed with (its evaluator, its reference).
            **kwargs: likewise.

        Raises:
            UserError: the state is of another metric or of other settings.
        """
        metric = cls(*args, **kwargs)
        if (signature := _decode(state["signature"])) != metric.signature:
            raise UserError(
                f"Stored results are of {signature}, not of {metric.signature}: "
                "compute them again with these settings."
            )
        metric._seen = set(state["index"].tolist())
        metric._load(state)
        return metric

    @abstractmethod
    def _add(self, original: Tensor, edited: Tensor, mask: Tensor, index: Tensor) -> None:
        """Take in checked, clamped images and masks ``[n, H, W]``."""

    @abstractmethod
    def _merge(self, other: Any) -> None:
        """Take in a metric of the same signature that saw other samples."""

    @abstractmethod
    def _state(self) -> dict[str, Tensor]:
        """What the subclass holds."""

    @abstractmethod
    def _load(self, state: Mapping[str, Tensor]) -> None:
        """Put back what :meth:`_state` gave."""

    def _refuse_known(self, numbers: list[int] | set[int]) -> None:
        new = set(numbers)
        if len(new) < len(numbers) or not new.isdisjoint(self._seen):
            twice = sorted(new & self._seen) or sorted(n for n in new if list(numbers).count(n) > 1)
            raise UserError(
                f"{self.name}: sample {twice[0]} came twice ({len(twice)} such samples); "
                "every sample may be counted once, so merge shards of different samples."
            )

    def _refuse_broken(self, original: Tensor, edited: Tensor, numbers: list[int]) -> None:
        for kind, images in (("original", original), ("edited", edited)):
            finite = images.isfinite().flatten(1).all(1).tolist()
            if not all(finite):
                raise UserError(
                    f"{self.name}: the {kind} image of sample {numbers[finite.index(False)]} holds "
                    "NaN or infinity, so it cannot be measured; try a smaller strength."
                )


class PerSampleMetric(Metric):
    """A metric that keeps a few numbers per sample and reduces them in the order of the index.

    Values are float64; NaN says that a quantity is undefined for that sample.
    """

    columns: tuple[str, ...]

    def __init__(self, name: str, columns: tuple[str, ...], settings: str = "") -> None:
        super().__init__(name, settings)
        self.columns = columns
        self._index: list[Tensor] = []
        self._values: list[Tensor] = []

    @abstractmethod
    def _measure(self, original: Tensor, edited: Tensor, mask: Tensor) -> Tensor:
        """The numbers of each sample, ``[n, len(columns)]``."""

    def per_sample(self) -> dict[str, Tensor]:
        """Every sample's numbers by column, sorted by ``index`` (itself a column, int64)."""
        index, values = self._sorted()
        return {"index": index, **dict(zip(self.columns, values.unbind(1), strict=True))}

    def _sorted(self) -> tuple[Tensor, Tensor]:
        """Indices and values ``[n, len(columns)]`` in their order."""
        index = torch.cat([torch.empty(0, dtype=torch.int64), *self._index])
        empty = torch.empty(0, len(self.columns), dtype=torch.float64)
        order = index.argsort()
        return index[order], torch.cat([empty, *self._values])[order]

    def _add(self, original: Tensor, edited: Tensor, mask: Tensor, index: Tensor) -> None:
        self._values.append(self._measure(original, edited, mask).to("cpu", torch.float64))
        self._index.append(index)

    def _merge(self, other: Any) -> None:
        self._index += other._index
        self._values += other._values

    def _state(self) -> dict[str, Tensor]:
        return {"values": self._sorted()[1].contiguous()}

    def _load(self, state: Mapping[str, Tensor]) -> None:
        self._index, self._values = [state["index"]], [state["values"]]


def clamped(images: Tensor) -> Tensor:
    """Images within [-1, 1]; those that are already stay the same tensor, which judges remember."""
    return images if bool((images.abs() <= 1).all()) else images.clamp(-1, 1)


def _check_shapes(original: Tensor, edited: Tensor, mask: Tensor, index: Tensor) -> None:
    n, channels, *size = original.shape
    fits = (
        original.shape == edited.shape
        and channels == 3
        and len(size) == 2
        and index.shape == (n,)
        and not index.is_floating_point()
        and list(mask.shape) in (size, [n, *size])
    )
    if not fits:
        raise ValueError(
            f"original {tuple(original.shape)} and edited {tuple(edited.shape)} must both be "
            f"[n, 3, H, W], mask {tuple(mask.shape)} [H, W] or [n, H, W], and index "
            f"{tuple(index.shape)} ({index.dtype}) [n] integers"
        )


def _encode(text: str) -> Tensor:
    return torch.tensor(list(text.encode()), dtype=torch.uint8)


def _decode(codes: Tensor) -> str:
    return bytes(codes.tolist()).decode()
