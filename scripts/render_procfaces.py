"""Render a folder of faces of the embedded domain.

python scripts/render_procfaces.py --out training/procfaces64 --count 50000 --seed 0 --processes 2

About 130 faces per second and core at 64 pixels. Stopped at any time, it goes on when started
again.
"""

import argparse
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Render a folder of faces.")
    parser.add_argument("--out", type=Path, default=Path("training/procfaces64"))
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--processes", type=int, default=1)
    return parser.parse_args()


def reporter() -> Callable[[int, int], None]:
    """Make a callback that prints rate and remaining time (off a terminal, one line a minute)."""
    terminal, start = sys.stdout.isatty(), time.monotonic()
    first, last = -1, start

    def report(done: int, total: int) -> None:
        nonlocal first, last
        now = time.monotonic()
        first = done if first < 0 else first
        if not terminal and done < total and now - last < 60:
            return
        last = now
        rate = max(done - first, 1) / max(now - start, 1e-3)
        line = f"{done} of {total} faces, {rate:.0f}/s, {(total - done) / rate:.0f} s left"
        print("\r" + line if terminal else line, end="" if terminal else "\n", flush=True)

    return report


def main() -> int:
    """Render; a user's mistake or an interruption ends in one line."""
    options = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    from pipeline.datasets.procfaces.dataset import render_dataset
    from pipeline.errors import UserError

    try:
        render_dataset(
            options.out, options.count, options.seed, options.size, options.processes, reporter()
        )
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    print(f"{options.count} faces in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
