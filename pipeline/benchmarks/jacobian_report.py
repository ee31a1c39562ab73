"""The tables of :mod:`pipeline.benchmarks.jacobian`, as text and as files."""

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from pipeline.benchmarks.jacobian import Case, InW, InWPlus, Memory

Row = tuple[str, str, str, str, str]

HEADER: Row = ("", "public code's way", "ours", "ratio", "wanted")


@dataclass(frozen=True)
class Measured:
    """All that was measured of a case."""

    case: Case
    in_w: InW
    memory: Sequence[Memory]
    in_w_plus: InWPlus | None


def rows(measured: Measured) -> list[Row]:
    """The table of a case."""
    w, found = measured.in_w, [HEADER]
    found += [
        ("W: Jacobian", f"{_time(w.public[0])} *", _time(w.ours[0]), "", ""),
        ("W: solution", _time(w.public[1]), _time(w.ours[1]), "", ""),
        ("W: end to end", _time(sum(w.public)), _time(sum(w.ours)), f"{w.speed_up:.0f}", ">= 100"),
        (
            "W: leading cosines with float64",
            f"{min(w.public_cosines):.6f} (without tau {min(w.public_default_cosines):.4f})",
            f"{min(w.cosines):.6f}",
            "",
            ">= 0.999",
        ),
        _overhead("forward-mode products alone", w.products, w, "<= 1.3"),
        _overhead("products by vmap of jvp *", w.torch_forward, w),
        _overhead("as many images *", w.images, w),
    ]
    for memory in measured.memory:
        title = f"W: peak memory, {memory.codes} code" + "s" * (memory.codes > 1)
        ratio = "" if memory.ratio is None else f"{memory.ratio:.1f}"
        found.append((title, _size(memory.public), _size(memory.ours), ratio, ">= 10"))
    return found


def w_plus_rows(plus: InWPlus) -> list[Row]:
    """The table of W+."""
    columns, solution = plus.full
    whole = columns + (solution or 0)
    seconds = _time(whole) if solution is not None else f"{_time(columns)} * (columns alone)"
    least = f"{min(plus.cosines):.6f}" if plus.cosines else ""
    worst = f"{max(plus.eigenvalue_errors):.2e}" if plus.eigenvalue_errors else ""
    return [
        (f"W+, {plus.dimensions} dimensions", "full solution", "without matrices", "ratio", ""),
        ("W+: end to end", seconds, _time(plus.free), f"{whole / plus.free:.0f}", ""),
        ("W+: vectors multiplied", str(plus.dimensions), str(plus.vectors), "", ""),
        ("W+: leading cosines", "", least, "", ">= 0.999"),
        ("W+: eigenvalues, relative error", "", worst, "", ""),
        ("W+: residuals, error of the trace", "", _accuracy(plus), "", ""),
    ]


def title(measured: Measured) -> str:
    """What was measured."""
    case = measured.case
    widths = "-".join(map(str, case.channels))
    return (
        f"StyleGAN2, {case.resolution} px, channels {widths} (from 4 px), w of {case.w_dim}, "
        f"random weights of seed {case.seed}, mouth; {case.chunk} columns at a time, "
        f"{case.max_bytes // 2**20} MiB of the Jacobian in memory"
    )


def notes(measured: Measured) -> str:
    """How it was measured."""
    return (
        f"torch {torch.__version__}, {torch.get_num_threads()} thread(s), {platform.machine()}, "
        f"{measured.case.device}. * extrapolated: the public code's way from "
        f"{measured.in_w.sampled} of {measured.case.rows} rows, its memory from their repetition; "
        "vmap of jvp and images from two batches. Memory: what the process (one thread) takes "
        "beyond the network and the libraries at its peak: resident memory, or torch's allocations "
        "on a GPU; the public code keeps the Jacobians of all codes."
    )


def text(table: Sequence[Row]) -> str:
    """A table for the terminal."""
    widths = [max(len(row[i]) for row in table) for i in range(5)]
    lines = ["  ".join(f"{c:{w}}" for c, w in zip(r, widths, strict=True)) for r in table]
    return "\n".join(line.rstrip() for line in lines)


def markdown(table: Sequence[Row]) -> str:
    """A table for a page."""
    head, *body = ["| " + " | ".join(row) + " |" for row in table]
    return "\n".join([head, "|---|---:|---:|---:|---|", *body])


def write(all_measured: Sequence[Measured], folder: Path) -> None:
    """``jacobian.json`` with every number and ``jacobian.md`` with the tables."""
    folder.mkdir(parents=True, exist_ok=True)
    data = [asdict(measured) | {"notes": notes(measured)} for measured in all_measured]
    (folder / "jacobian.json").write_text(json.dumps(data, indent=1) + "\n")
    pages = []
    for measured in all_measured:
        pages += [f"### {title(measured)}", markdown(rows(measured))]
        if measured.in_w_plus is not None:
            pages.append(markdown(w_plus_rows(measured.in_w_plus)))
        pages.append(notes(measured))
    (folder / "jacobian.md").write_text("\n\n".join(pages) + "\n")


def _overhead(name: str, seconds: float, w: InW, wanted: str = "") -> Row:
    ratio = sum(w.ours) / seconds
    return f"W: ours to {name}", "", _time(seconds), f"{ratio:.2f}", wanted


def _accuracy(plus: InWPlus) -> str:
    return f"{max(plus.residuals):.1e}, {plus.trace_error:.1e}"


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 7200 else f"{seconds:.3g} s"


def _size(count: int | None) -> str:
    return "unknown" if count is None else f"{count / 1e6:.0f} MB"
