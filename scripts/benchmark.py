"""Timings of what the project chose by measurement; one sub-command per question.

python scripts/benchmark.py modulation     # StyleGAN2's convolutions: one kernel per sample or one
python scripts/benchmark.py jacobian       # ReSeFa's discovery: the public code's way and ours
python scripts/benchmark.py inversion      # held-out renders: likeness, locality of edits, seconds
python scripts/benchmark.py style_intervention   # its optimisation: the plain loop and ours
python scripts/benchmark.py navigan_spectrum     # eigenvectors: the power iteration and ours
python scripts/benchmark.py scale          # editing and measuring: resolution by number of samples

Everything that is compared is timed in the same run, in turns.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


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


def inversion(options: argparse.Namespace) -> None:
    """Projection of held-out renders: likeness, seconds, and how local edits of the codes are."""
    from pipeline.benchmarks.inversion import report

    report(options.n, options.threads, options.overrides)


def jacobian(options: argparse.Namespace) -> None:
    """ReSeFa's discovery on random networks: the public code's way, ours, and without matrices."""
    from pipeline.benchmarks import jacobian as measure
    from pipeline.benchmarks import jacobian_report as report

    all_measured = []
    for size in options.sizes:
        case = replace(measure.CASES[size], device=options.device)
        measured = report.Measured(
            case,
            measure.in_w(case, options.rows, options.runs),
            [measure.memory(case, codes) for codes in dict.fromkeys((1, options.codes))],
            measure.in_w_plus(case, size in options.w_plus_full) if options.w_plus else None,
        )
        print(f"{report.title(measured)}\n{report.text(report.rows(measured))}", flush=True)
        if measured.in_w_plus is not None:
            print(report.text(report.w_plus_rows(measured.in_w_plus)), flush=True)
        print(f"{report.notes(measured)}\n", flush=True)
        all_measured.append(measured)
    if options.out is not None:
        report.write(all_measured, options.out)


def style_intervention(options: argparse.Namespace) -> None:
    """Style Intervention's optimisation: whole passes, restarted, batched, stopped in time."""
    from pipeline.benchmarks.style_intervention import report

    report(options.n, options.samples, options.attribute, options.steps)


def navigan_spectrum(options: argparse.Namespace) -> None:
    """NaviGAN's eigenvectors: passes that the power iteration takes, and ours, for one accuracy."""
    from pipeline.benchmarks.navigan_spectrum import report

    report(options.layer, options.count, options.codes, options.iterations)


def scale(options: argparse.Namespace) -> None:
    """Editing and measuring: seconds per sample and peak memory by resolution and samples."""
    from pipeline.benchmarks.scale import report

    report(options.resolutions, options.samples, options.batch, options.out)


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
    command = commands.add_parser("jacobian", help=jacobian.__doc__)
    command.add_argument("--sizes", type=int, nargs="+", choices=(64, 256), default=(64, 256))
    command.add_argument("--rows", type=int, default=300, help="rows measured of the public way")
    command.add_argument("--runs", type=int, default=3, help="of ours and the products alone")
    command.add_argument("--codes", type=int, default=5, help="for memory; the public default is 5")
    command.add_argument("--w-plus", action=argparse.BooleanOptionalAction, default=True)
    command.add_argument(
        "--w-plus-full", type=int, nargs="*", default=(64,), help="sizes with all of the full way"
    )
    command.add_argument("--threads", type=int, default=2, help="of the CPU")
    command.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    command.add_argument("--out", type=Path, help="folder for jacobian.json and jacobian.md")
    command.set_defaults(run=jacobian)
    command = commands.add_parser("inversion", help=inversion.__doc__)
    command.add_argument("--n", type=int, default=16, help="renders")
    command.add_argument("--threads", type=int, default=2, help="of the CPU")
    command.add_argument("overrides", nargs="*", help="of the configuration: codes.steps=100")
    command.set_defaults(run=inversion)
    command = commands.add_parser("style_intervention", help=style_intervention.__doc__)
    command.add_argument("--n", type=int, default=16, help="images")
    command.add_argument("--samples", type=int, default=2048, help="labelled codes")
    command.add_argument("--attribute", default="glasses")
    command.add_argument("--steps", type=int, default=40, help="of Adam on every layer, at most")
    command.add_argument("--threads", type=int, default=2, help="of the CPU")
    command.set_defaults(run=style_intervention)
    command = commands.add_parser("navigan_spectrum", help=navigan_spectrum.__doc__)
    command.add_argument("--layer", default="b8.torgb", help="whose kernel")
    command.add_argument("--count", type=int, default=8, help="eigenvectors")
    command.add_argument("--codes", type=int, default=6)
    command.add_argument("--iterations", type=int, default=160, help="of each vector, at most")
    command.add_argument("--threads", type=int, default=2, help="of the CPU")
    command.set_defaults(run=navigan_spectrum)
    command = commands.add_parser("scale", help=scale.__doc__)
    command.add_argument("--resolutions", type=int, nargs="+", default=(64, 128, 256))
    command.add_argument("--samples", type=int, nargs="+", default=(250, 1000, 4000))
    command.add_argument("--batch", type=int, default=16, help="images at once")
    command.add_argument("--out", type=Path, help="folder for scale.json")
    command.set_defaults(run=scale, threads=1)
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
