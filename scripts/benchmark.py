"""Timings of what the project chose by measurement; one sub-command per question.

python scripts/benchmark.py modulation     # StyleGAN2's convolutions: one kernel per sample or one
python scripts/benchmark.py inversion      # held-out renders: likeness, locality of edits, seconds

Everything that is compared is timed in the same run, in turns.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from pipeline.experiment import Experiment
    from pipeline.generators.base import Codes, Generator
    from pipeline.methods.edits import Edit
    from pipeline.metrics.base import Estimate
    from pipeline.stages.inversion import Inverted


@dataclass(frozen=True)
class Timing:
    """Seconds per call: the median of so many runs."""

    median: float
    runs: int


def timed(
    variants: Mapping[str, Callable[[], object]],
    seconds: float,
    most_runs: int,
    synchronise: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timing]:
    """Time variants in turns; the first call of each counts only where there is no time for more.

    Args:
        variants: what to call, by name.
        seconds: to spend on all of them; each is called once whatever it takes.
        most_runs: counted calls of each variant after which there are enough.
        synchronise: waits until the device has finished.
        clock: what to time by; for one thread of a busy machine, ``time.process_time``.
    """
    taken: dict[str, list[float]] = {name: [] for name in variants}
    begun = time.perf_counter()
    for name in cycle(variants):
        late = time.perf_counter() - begun > seconds and bool(taken[name])
        if late or len(taken[name]) > most_runs:
            break
        start = clock()
        variants[name]()
        synchronise()
        taken[name].append(clock() - start)
    counted = {name: times[1:] or times for name, times in taken.items()}
    return {name: Timing(statistics.median(times), len(times)) for name, times in counted.items()}


@dataclass(frozen=True)
class Layer:
    """A modulated 3 x 3 convolution of a synthesis network, by its output."""

    in_channels: int
    out_channels: int
    resolution: int
    up: int


def layers_of(channels: tuple[int, ...]) -> list[Layer]:
    """All 3 x 3 convolutions of a StyleGAN2 with these channels from 4 x 4 up."""
    layers = [Layer(channels[0], channels[0], 4, 1)]
    for i, (before, width) in enumerate(zip(channels, channels[1:], strict=False)):
        layers += [Layer(before, width, 2 ** (i + 3), 2), Layer(width, width, 2 ** (i + 3), 1)]
    return layers


def modulated_each(x: "Tensor", weight: "Tensor", styles: "Tensor", up: int = 1) -> "Tensor":
    """The fused form: a modulated and demodulated kernel per sample, one grouped convolution."""
    from pipeline.generators.layers import blur, convolve_each

    kernels = weight * styles[:, None, :, None, None]
    kernels = kernels * (kernels.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    y = convolve_each(x, kernels.to(x.dtype), up)
    return blur(y, padding=1, gain=4.0) if up == 2 else y


Call = tuple["Tensor", "Tensor", "Tensor", int]


def modulation_calls(channels: tuple[int, ...], n: int, device: "torch.device") -> list[Call]:
    """Inputs, kernels and styles of every layer of a network, for n samples."""
    import torch

    random = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> "Tensor":
        x = torch.randn(*shape, generator=random).to(device)
        x = x.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else x
        return x.requires_grad_()

    calls = []
    for layer in layers_of(channels):
        side = layer.resolution // layer.up
        x = draw(n, layer.in_channels, side, side)
        weight = draw(layer.out_channels, layer.in_channels, 3, 3)
        calls.append((x, weight, draw(n, layer.in_channels), layer.up))
    return calls


def modulation_variants(calls: list[Call], backward: bool) -> dict[str, Callable[[], object]]:
    """All layers in both forms."""
    import torch

    from pipeline.generators.layers import modulated_conv2d

    def shared(x: "Tensor", weight: "Tensor", styles: "Tensor", up: int) -> "Tensor":
        return modulated_conv2d(x, weight, styles, up=up)

    def run(form: Callable[..., "Tensor"]) -> None:
        with torch.set_grad_enabled(backward):
            for x, weight, styles, up in calls:
                y = form(x, weight, styles, up)
                if backward:
                    torch.autograd.grad(y.sum(), (x, weight, styles))

    return {"shared": lambda: run(shared), "per sample": lambda: run(modulated_each)}


def modulation(options: argparse.Namespace) -> None:
    """StyleGAN2's modulation around one shared convolution, against one kernel per sample."""
    import torch

    from pipeline.generators.stylegan2 import channels_for

    networks = {64: (128, 128, 96, 48, 32), 256: channels_for(256, 16384)}
    devices = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
    cases = [(d, r, b) for d in devices for r in networks for b in (False, True)]
    alone = torch.get_num_threads() == 1
    clocks = {"cpu": time.process_time if alone else time.perf_counter, "cuda": time.perf_counter}
    print(
        f"all 3 x 3 layers, float32, n={options.n}, {torch.get_num_threads()} thread(s), torch "
        f"{torch.__version__}; median ms of k runs ({'processor' if alone else 'wall'} time on cpu)"
    )
    print(
        f"{'device':8}{'network':10}{'pass':20}{'shared':>10}{'per sample':>12}{'ratio':>8}{'k':>5}"
    )
    for device, resolution, backward in cases:
        calls = modulation_calls(networks[resolution], options.n, torch.device(device))
        times = timed(
            modulation_variants(calls, backward),
            options.seconds / len(cases),
            options.runs,
            torch.cuda.synchronize if device == "cuda" else lambda: None,
            clocks[device],
        )
        shared, each = times["shared"], times["per sample"]
        direction = "forward + backward" if backward else "forward"
        print(
            f"{device:8}{f'{resolution} px':10}{direction:20}{1e3 * shared.median:10.1f}"
            f"{1e3 * each.median:12.1f}{each.median / shared.median:8.2f}{each.runs:5}",
            flush=True,
        )


HELD_OUT = 4242  # seed of renders that nothing was trained on
DRAWN = 256  # sampled codes that inverted ones are held against


def prepared(options: argparse.Namespace, folder: str) -> "Experiment":
    """The main job on held-out renders, as a user would start it."""
    import torch
    from hydra import compose, initialize_config_dir

    from pipeline.config import register
    from pipeline.datasets.procfaces import render, sample_factors
    from pipeline.experiment import Experiment
    from pipeline.preflight import CONF
    from pipeline.report.images import save_png

    factors = sample_factors(options.n, torch.Generator().manual_seed(HELD_OUT))
    for number, image in enumerate(render(factors).images):
        save_png(image, Path(folder) / f"{number:03d}.png")
    given = ["codes=inversion", f"codes.images={folder}", f"threads={options.threads}"]
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return Experiment.of(compose("config", [*given, *options.overrides]))


def found_codes(e: "Experiment", space: str) -> "tuple[Inverted, float]":
    """The codes of the renders in a space, and the seconds that it took to find them."""
    from pipeline.generators.base import Space
    from pipeline.stages.inversion import Inverting

    if e.inversion is None:
        raise ValueError("codes=inversion is what is measured")
    how = replace(e.inversion.how, space=Space(space))
    stage = Inverting(
        e.inversion.photographs, e.generator, how, e.inversion.distance, e.judges, seed=0
    )
    begun = time.perf_counter()
    return stage.compute(lambda _done, _total: None), time.perf_counter() - begun


def mouth_edit(e: "Experiment") -> "tuple[Edit, float]":
    """The method's direction that opens the mouth, and its step of one standard deviation."""
    from pipeline.stages.calibration import Calibrating
    from pipeline.stages.discovery import Discovery
    from pipeline.stages.inputs import Sampling

    def quiet(done: int, total: int) -> None:
        pass

    drawn = [
        Sampling(e.generator, count, 0, purpose).compute(quiet)
        for count, purpose in ((getattr(e.method, "num_codes", 1), "discover"), (200, "calibrate"))
    ]
    region, settings = e.region, e.region_settings
    edits = Discovery(
        e.method, e.generator, drawn[0], region, settings, e.method_settings, 0
    ).compute(quiet)
    found = Calibrating(
        edits, e.generator, drawn[1], region, settings, e.domain, "mouth_open", None, 64
    ).compute(quiet)
    return edits[found.selected], found.units[found.selected].step


def errors(e: "Experiment", edit: "Edit", step: float, codes: "Codes") -> "dict[str, Estimate]":
    """Squared errors of an edit inside and outside the region."""
    import torch

    from pipeline.metrics.masked_mse import MaskedMSE

    metric = MaskedMSE()
    with torch.inference_mode():
        for part in range(0, len(codes), 64):
            some = codes[part : part + 64]
            original = e.generator.render(some).clamp(-1, 1)
            edited = edit.apply(e.generator, some, step).clamp(-1, 1)
            mask = e.region.mask(e.generator.resolution, original)
            metric.update(original, edited, mask, torch.arange(len(some)) + part)
    return metric.compute()


def locality(e: "Experiment", all_codes: "Mapping[str, Codes]") -> None:
    """MSE in and out of the region under the direction that opens the mouth, both ways."""
    edit, step = mouth_edit(e)
    print(f"\n{edit.name}, mouth_open by one standard deviation: MSE in / out [95 % interval]")
    for sign in (1, -1):
        first = 0.0
        for name, codes in all_codes.items():
            found = errors(e, edit, sign * step, codes)
            ratio = found["mse_ratio"]
            first = first or ratio.value
            print(
                f"{sign:+d}  {name:26}{_shown(ratio):24}n {ratio.n:<6}"
                f"in {found['mse_in'].value:.5f}  out {found['mse_out'].value:.6f}  "
                f"{ratio.value / first:.2f} of the first",
                flush=True,
            )


def sampled_codes(generator: "Generator", truncation_psi: float) -> "Codes":
    """Sampled w codes under some truncation."""
    import torch

    from pipeline.generators.base import Space
    from pipeline.generators.style_based import StyleBased

    if not isinstance(generator, StyleBased):
        raise ValueError("the shipped generator is style-based")
    own, generator.truncation_psi = generator.truncation_psi, truncation_psi
    codes = generator.sample(DRAWN, torch.Generator().manual_seed(HELD_OUT))
    codes = generator.convert(codes, Space.W)
    generator.truncation_psi = own
    return codes


def _shown(estimate: "Estimate") -> str:
    low, high = estimate.ci95
    return f"{estimate.value:.2f} [{low:.2f}, {high:.2f}]"


def inversion(options: argparse.Namespace) -> None:
    """Projection of held-out renders: likeness, seconds, and how local edits of the codes are."""
    from pipeline.inversion.quality import summary

    with tempfile.TemporaryDirectory() as folder:
        e = prepared(options, folder)
    psi = float(getattr(e.generator, "truncation_psi", 1.0))
    print(f"{options.n} renders of seed {HELD_OUT}, {e.generator.name}, {options.threads} threads")
    all_codes = {
        f"sampled, truncation {value:g}": sampled_codes(e.generator, value)
        for value in dict.fromkeys((psi, 1.0))
    }
    for space in ("w", "w+"):
        inverted, seconds = found_codes(e, space)
        numbers = {name: _shown(estimate) for name, estimate in summary(inverted.quality).items()}
        least = float(inverted.quality["psnr"].min())
        told = ", ".join(f"{name} {value}" for name, value in numbers.items())
        print(f"{space:3}{seconds:6.1f} s, {inverted.steps[0]} steps, {told}, least {least:.2f} dB")
        all_codes[f"inverted in {space}"] = inverted.codes
    locality(e, all_codes)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Timings of what was chosen by measurement.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("modulation", help=modulation.__doc__)
    command.add_argument("--n", type=int, default=4, help="samples per call")
    command.add_argument("--runs", type=int, default=20, help="most runs of each form")
    command.add_argument("--seconds", type=float, default=60, help="to spend, about")
    command.add_argument("--threads", type=int, default=1, help="of the CPU")
    command.set_defaults(run=modulation)
    command = commands.add_parser("inversion", help=inversion.__doc__)
    command.add_argument("--n", type=int, default=16, help="renders")
    command.add_argument("--threads", type=int, default=2, help="of the CPU")
    command.add_argument("overrides", nargs="*", help="of the configuration: codes.steps=100")
    command.set_defaults(run=inversion)
    return parser.parse_args()


def main() -> int:
    """Run a benchmark."""
    options = arguments()

    import torch

    torch.set_num_threads(options.threads)
    options.run(options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
