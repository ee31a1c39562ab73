"""Inversion of renders that the generator never saw: how like, how fast, how local edits are."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from torch import Tensor

from pipeline.config import register
from pipeline.datasets.procfaces import render, sample_factors
from pipeline.experiment import Experiment
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.style_based import StyleBased
from pipeline.inversion.quality import summary
from pipeline.methods.edits import Edit
from pipeline.metrics.base import Estimate
from pipeline.metrics.masked_mse import MaskedMSE
from pipeline.preflight import CONF
from pipeline.report.images import save_png
from pipeline.stages.calibration import Calibrating
from pipeline.stages.discovery import Discovery
from pipeline.stages.inputs import Sampling
from pipeline.stages.inversion import Inverted, Inverting

HELD_OUT = 4242  # seed of renders that nothing was trained on
DRAWN, BATCH = 256, 64  # sampled codes that inverted ones are held against, and codes at once


def report(n: int, threads: int, overrides: Sequence[str]) -> None:
    """Print likeness and seconds in W and W+, and the locality of edits beside sampled codes.

    Args:
        n: how many renders.
        threads: of the CPU.
        overrides: of the configuration, e.g. ``codes.steps=100``.
    """
    with tempfile.TemporaryDirectory() as folder:
        _report(n, threads, overrides, Path(folder))


def _report(n: int, threads: int, overrides: Sequence[str], folder: Path) -> None:
    e = prepared(held_out(n), folder / "renders", threads, overrides)
    print(f"{n} renders of seed {HELD_OUT}, {e.generator.name}, {threads} threads", flush=True)
    psi = float(getattr(e.generator, "truncation_psi", 1.0))
    codes = {f"sampled, truncation {p:g}": sampled(e.generator, p) for p in dict.fromkeys((psi, 1))}
    for space in (Space.W, Space.W_PLUS):
        result, seconds = inverted(e, space)
        likeness = [f"{k} {_shown(v)}" for k, v in summary(result.quality).items()]
        least = float(result.quality["psnr"].min())
        print(
            f"{space:3}{seconds:6.1f} s, {result.steps[0]} steps, {', '.join(likeness)}, "
            f"least {least:.2f} dB",
            flush=True,
        )
        codes[f"renders, inverted in {space}"] = result.codes
    first = sampled(e.generator, 1)[:n]
    again = prepared(drawn(e.generator, first), folder / "drawn", threads, overrides)
    codes[f"the first {n} of truncation 1"] = first
    codes["these, inverted in w+"] = inverted(again, Space.W_PLUS)[0].codes
    print_locality(e, codes)


def held_out(n: int) -> Tensor:
    """Renders that nothing was trained on."""
    return render(sample_factors(n, torch.Generator().manual_seed(HELD_OUT))).images


@torch.inference_mode()
def drawn(generator: Generator, codes: Codes) -> Tensor:
    """Images of codes, in [-1, 1]."""
    return generator.render(codes).clamp(-1, 1)


def prepared(images: Tensor, folder: Path, threads: int, overrides: Sequence[str]) -> Experiment:
    """The main job on images that are written to a folder, as a user would start it."""
    folder.mkdir()
    for number, image in enumerate(images):
        save_png(image, folder / f"{number:03d}.png")
    given = ["codes=inversion", f"codes.images={folder}", f"threads={threads}", *overrides]
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return Experiment.of(compose("config", given))


def inverted(e: Experiment, space: Space) -> tuple[Inverted, float]:
    """The codes of the renders in a space, and the seconds that it took to find them."""
    if e.inversion is None:
        raise ValueError("codes=inversion is what is measured")
    plan, how = e.inversion, replace(e.inversion.how, space=space)
    stage = Inverting(plan.photographs, e.generator, how, plan.distance, e.judges, seed=0)
    begun = time.perf_counter()
    return stage.compute(_quiet), time.perf_counter() - begun


def sampled(generator: Generator, truncation_psi: float) -> Codes:
    """Sampled w codes under some truncation."""
    if not isinstance(generator, StyleBased):
        raise ValueError("the shipped generator is style-based")
    own, generator.truncation_psi = generator.truncation_psi, truncation_psi
    codes = generator.sample(DRAWN, torch.Generator().manual_seed(HELD_OUT))
    codes = generator.convert(codes, Space.W)
    generator.truncation_psi = own
    return codes


def print_locality(e: Experiment, all_codes: Mapping[str, Codes]) -> None:
    """MSE in and out of the region under the direction that the main job takes, both ways."""
    edit, attribute, step = main_edit(e)
    print(f"\n{edit.name}, {attribute} by one standard deviation: MSE in / out [95 % interval]")
    for sign in (1, -1):
        first = 0.0
        for name, codes in all_codes.items():
            found = errors(e, edit, sign * step, codes)
            ratio = found["mse_ratio"]
            first = first or ratio.value
            print(
                f"{sign:+d}  {name:33}{_shown(ratio):24}n {ratio.n:<6}"
                f"in {found['mse_in'].value:.5f}  out {found['mse_out'].value:.6f}  "
                f"{ratio.value / first:.2f} of the first",
                flush=True,
            )


def main_edit(e: Experiment) -> tuple[Edit, str | None, float]:
    """The method's most selective direction, what it moves, and its step of one deviation."""
    count = getattr(e.method, "num_codes", 1)
    seen = Sampling(e.generator, count, 0, "discover").compute(_quiet)
    tried = Sampling(e.generator, 200, 0, "calibrate").compute(_quiet)
    region = (e.region, e.region_settings)
    edits = Discovery(e.method, e.generator, seen, *region, e.method_settings, 0).compute(_quiet)
    found = Calibrating(edits, e.generator, tried, *region, e.domain, None, None, BATCH).compute(
        _quiet
    )
    attribute = found.attribute(found.selected)
    return edits[found.selected], attribute, found.units[found.selected].step


@torch.inference_mode()
def errors(e: Experiment, edit: Edit, step: float, codes: Codes) -> dict[str, Estimate]:
    """Squared errors of an edit inside and outside the region."""
    metric = MaskedMSE()
    for start in range(0, len(codes), BATCH):
        some = codes[start : start + BATCH]
        original = e.generator.render(some).clamp(-1, 1)
        edited = edit.apply(e.generator, some, step).clamp(-1, 1)
        mask = e.region.mask(e.generator.resolution, original)
        metric.update(original, edited, mask, torch.arange(len(some)) + start)
    return metric.compute()


def _quiet(_done: int, _total: int) -> None:
    pass


def _shown(estimate: Estimate) -> str:
    low, high = estimate.ci95
    return f"{estimate.value:.2f} [{low:.2f}, {high:.2f}]"
