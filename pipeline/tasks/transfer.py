"""Transfers of parts between pairs of samples (Editing in Style, Figure 7 and Table 1)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import torch
from omegaconf import DictConfig

from pipeline.errors import UserError, unknown_name
from pipeline.experiment import Experiment
from pipeline.methods.catalog.catalog import Catalog
from pipeline.methods.editing_in_style import catalog_notes
from pipeline.metrics.base import Estimate, Metric, PerSampleMetric
from pipeline.metrics.colour import Lab
from pipeline.metrics.equal_change import Comparison, Sweep, common_levels, compare
from pipeline.metrics.frechet import FrechetDistance
from pipeline.metrics.masked_mse import MaskedMSE
from pipeline.report.maps import map_sheet
from pipeline.runner import Runner
from pipeline.stages.inputs import Reference, Sampling
from pipeline.stages.pairing import Pairing
from pipeline.stages.transfer import Instruments, Measure, Measured, Transfer, Transferring, merge
from pipeline.summaries import plain_estimates
from pipeline.tasks.base import Findings, Task
from pipeline.tasks.transfer_ways import ClusterMasks, Way, Ways, require_editing_in_style

PIECE = 512  # pairs, about, between two points that a killed run resumes from
UNEDITED = "unedited"
ORDER = (Way.SEQUENTIAL, Way.SIMULTANEOUS, Way.GLOBAL)
"""From the way that is expected to be the most local to the least."""


@dataclass
class PartTransfer(Task):
    """Takes parts of references over to targets in several ways, ``samples`` pairs of them.

    Every target has its own reference, another of the same samples. In- and Out-MSE are those of
    the target's clusters. Ways that vary their setting are compared at an equal In-MSE.

    Args:
        parts: labels of the catalog; one that it lacks is left out, and said to be.
        sweeps: settings by way, see :class:`~pipeline.tasks.transfer_ways.Way`; an empty list
            leaves the way out.
        maps: the way, and its setting, whose mean CIELAB error per pixel is drawn; None draws none.
        map_parts: further parts that are edited in this way alone.
        lab: which CIELAB, see :class:`~pipeline.metrics.colour.Lab`.
        distances: whether Fréchet distances are measured of every edit.
    """

    sweeps: Mapping[str, Sequence[float]]
    parts: Sequence[str] = ("mouth", "eyes", "hair")
    maps: Mapping[str, float] | None = None
    map_parts: Sequence[str] = ()
    lab: Lab = Lab.CORRECT
    distances: bool = False
    name: str = "transfer"
    _ways: dict[Way, list[float]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        for name, settings in [*self.sweeps.items(), *(self.maps or {}).items()]:
            if name not in tuple(Way):
                raise unknown_name("way", name, Way)
            given = settings if isinstance(settings, Sequence) else [settings]
            if given and min(given) <= 0:
                raise UserError(f"task: settings of {name} are numbers above 0, not {given}.")
            if given:
                self._ways.setdefault(Way(name), []).extend(map(float, given))
        if self.lab not in tuple(Lab):
            raise unknown_name("task.lab", self.lab, Lab)
        self.lab = Lab(self.lab)

    def check(self, experiment: Experiment) -> None:
        """Refuse what cannot be transferred or measured."""
        require_editing_in_style(experiment)
        if self.distances and experiment.judges.features is None:
            raise UserError(
                "task.distances=true compares features of images, and metric.fid=none leaves out "
                "what makes them: drop one of the two."
            )

    def run(self, experiment: Experiment, config: DictConfig, runner: Runner) -> Findings:
        """Catalog, pairs, transfers in pieces, and what they come to."""
        if config.shards > 1:
            raise UserError("task=transfer compares pairs of one job: leave shards=1.")
        ways = Ways.of(experiment, config.seed, runner)
        parts = [part for part in self.parts if part in ways.catalog.labels]
        transfers = list(self._transfers(ways, parts))
        measured = self._measured(experiment, config, runner, ways, transfers)
        return self._findings(ways, parts, transfers, measured, config.samples)

    def _transfers(self, ways: Ways, parts: Sequence[str]) -> Iterator[Transfer]:
        """Every way, part and setting once; global interpolation is the same for all parts."""
        extra = (Measure.DISTANCE, Measure.DRIFT) if self.distances else ()
        if self.distances:
            yield Transfer(UNEDITED, None, 0.0, parts[:1], [Measure.DISTANCE])
        for way, settings in self._ways.items():
            shared = way == Way.GLOBAL
            for part in parts[:1] if shared else parts:
                for setting in dict.fromkeys(settings):
                    edit, strength = ways.edit(way, part, setting)
                    label = _label(way, part, setting)
                    drawn = (Measure.MAP,) if self._drawn(way, setting) else ()
                    measures = (Measure.ERROR, *drawn, *extra)
                    yield Transfer(label, edit, strength, parts if shared else [part], measures)
        for way_name, setting in (self.maps or {}).items():
            for part in self.map_parts:
                if part in ways.catalog.labels and part not in parts:
                    edit, strength = ways.edit(Way(way_name), part, setting)
                    label = _label(Way(way_name), part, setting)
                    yield Transfer(label, edit, strength, [part], [Measure.MAP])

    def _drawn(self, way: Way, setting: float) -> bool:
        return self.maps is not None and self.maps.get(way) == setting

    def _measured(
        self,
        e: Experiment,
        config: DictConfig,
        runner: Runner,
        ways: Ways,
        transfers: Sequence[Transfer],
    ) -> Measured:
        """All pairs, merged from pieces that are stored one by one."""
        instruments = Instruments(lab=self.lab)
        if self.distances and e.judges.features is not None:
            reference = runner.run(Reference(e.domain, e.judges.features)).value
            instruments = Instruments(e.judges.features, reference, self.lab)
        codes = runner.run(Sampling(e.generator, config.samples, config.seed, "evaluate"))
        order = runner.run(Pairing(config.samples, config.seed))
        references = codes.value[order.value.to(codes.value.values.device)]
        total: Measured = {}
        piece = config.batch * max(1, PIECE // config.batch)
        for first in range(0, config.samples, piece):
            rows = slice(first, first + piece)
            stage = Transferring(
                transfers,
                ClusterMasks(ways.catalog),
                e.generator,
                codes.value[rows],
                references[rows],
                first,
                instruments,
                config.batch,
            )
            merge(total, runner.run(stage, [ways.key, codes.key, order.key]).value)
        return total

    def _findings(
        self,
        ways: Ways,
        parts: Sequence[str],
        transfers: Sequence[Transfer],
        measured: Measured,
        pairs: int,
    ) -> Findings:
        compared = {part: _comparisons(self._sweeps(part, measured)) for part in parts}
        distances = _distances(measured) if self.distances else {}
        maps = _maps(measured)
        details = {
            "pairs": pairs,
            "catalog": _catalog(ways.catalog),
            "absent": ways.absent([*self.parts, *self.map_parts]),
            "options": {"threshold": ways.method.threshold, "to_rgb": ways.method.to_rgb},
            "mask": "the target's clusters",
            "curves": {part: self._curves(part, measured) for part in parts},
            "comparisons": {
                part: {name: _plain(found) for name, found in rows.items()}
                for part, rows in compared.items()
            },
            "distances": {label: plain_estimates(row) for label, row in distances.items()},
            "maps": {part: plain_estimates(metric.compute()) for part, metric in maps.items()},
            "lab": self.lab,
        }
        numbers = {
            f"out_ratio/{part}/{name}": found.overall
            for part, rows in compared.items()
            for name, found in rows.items()
        }
        for label, row in distances.items():
            numbers |= {f"{name}/{label}": estimate for name, estimate in row.items()}
        pictures = {}
        if maps:
            drawn = {part: metric.maps()[f"{metric.kinds[1]}_map"] for part, metric in maps.items()}
            unit = "CIELAB units squared" if self.lab == Lab.CORRECT else "the reference code's Lab"
            pictures["maps"] = map_sheet(drawn, f"mean squared error, {unit}, {pairs} pairs")
        return Findings(numbers, details, pictures)

    def _sweeps(self, part: str, measured: Measured) -> dict[Way, Sweep]:
        """Errors of every pair by way and setting, for the ways that have several."""
        found = {}
        for way, settings in self._ways.items():
            metrics = [_error(measured, way, part, s) for s in sorted(set(settings))]
            if len(metrics) > 1:
                samples = [metric.per_sample() for metric in metrics]
                inside, outside = (
                    torch.stack([s[name] for s in samples], 1) for name in ("mse_in", "mse_out")
                )
                found[way] = Sweep(inside, outside)
        return found

    def _curves(self, part: str, measured: Measured) -> dict[str, Any]:
        """In- and Out-MSE by way and setting."""
        return {
            way: [
                {"setting": s, **plain_estimates(_error(measured, way, part, s).compute())}
                for s in sorted(set(settings))
            ]
            for way, settings in self._ways.items()
        }


def _label(way: Way, part: str, setting: float) -> str:
    return f"{way}/{setting:g}" if way == Way.GLOBAL else f"{way}/{part}/{setting:g}"


def _error(measured: Measured, way: Way, part: str, setting: float) -> PerSampleMetric:
    metric = measured[_label(way, part, setting), part, Measure.ERROR]
    if not isinstance(metric, PerSampleMetric):
        raise TypeError(f"{metric.name} keeps no samples")
    return metric


def _comparisons(sweeps: Mapping[Way, Sweep]) -> dict[str, Comparison]:
    """Every two ways of :data:`ORDER` at an equal In-MSE, at levels that all reach."""
    there = [way for way in ORDER if way in sweeps]
    if len(there) < 2:
        return {}
    levels = common_levels([sweeps[way] for way in there])
    return {
        f"{first}:{second}": compare(sweeps[first], sweeps[second], levels)
        for first, second in combinations(there, 2)
    }


def _plain(found: Comparison) -> dict[str, Any]:
    """A comparison as JSON holds it."""
    ratios = {str(i): ratio for i, ratio in enumerate(found.ratios)}
    return {
        **plain_estimates({"overall": found.overall}),
        "levels": list(found.levels),
        "ratios": list(plain_estimates(ratios).values()),
    }


def _distances(measured: Measured) -> dict[str, dict[str, Estimate]]:
    """Fréchet distances of every edit to the data and to the unedited images.

    ``_change`` is by how much the first exceeds that of the unedited images, ``_beyond_sequential``
    by how much that of sequential transfer of the same part.
    """
    metrics, drifts = (
        {(key[0], key[1]): _frechet(m) for key, m in measured.items() if key[2] == measure}
        for measure in (Measure.DISTANCE, Measure.DRIFT)
    )
    plain = next((m for (label, _), m in metrics.items() if label == UNEDITED), None)
    sequential = {part: m for (label, part), m in metrics.items() if _way(label) == Way.SEQUENTIAL}
    found: dict[str, dict[str, Estimate]] = {}
    for (label, part), metric in metrics.items():
        row = found[label] = metric.compute()
        if label == UNEDITED or plain is None:
            continue
        row |= {**drifts[label, part].compute(), f"{metric.name}_change": metric.minus(plain)}
        if _way(label) != Way.SEQUENTIAL and part in sequential:
            row[f"{metric.name}_beyond_sequential"] = metric.minus(sequential[part])
    return found


def _frechet(metric: Metric) -> FrechetDistance:
    if not isinstance(metric, FrechetDistance):
        raise TypeError(f"{metric.name} is no Fréchet distance")
    return metric


def _way(label: str) -> str:
    return label.partition("/")[0]


def _maps(measured: Measured) -> dict[str, MaskedMSE]:
    return {
        key[1]: metric
        for key, metric in measured.items()
        if key[2] == Measure.MAP and isinstance(metric, MaskedMSE)
    }


def _catalog(catalog: Catalog) -> dict[str, Any]:
    """What a reader has to know of the catalog."""
    notes = catalog_notes(catalog)
    return {name: notes[name] for name in ("hash", "layer", "clusters", "labels", "scores")}
