"""Train the evaluators of the embedded domain and write their weights and cards.

python scripts/train_evaluators.py                       # all
python scripts/train_evaluators.py --only parser          # one

One single-threaded process. The parser, the regressor and the features come out of one training
(a shared trunk); the identity starts from it. Stopped at any time, it goes on when started
again. The faces come from: python scripts/render_procfaces.py
"""

import argparse
import math
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

NAMES = ("parser", "regressor", "features", "identity")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Train the evaluators of the embedded domain.")
    parser.add_argument("--only", choices=NAMES, help="write this one alone")
    parser.add_argument("--data", type=Path, default=Path("training/procfaces64"))
    parser.add_argument("--work", type=Path, default=Path("training/evaluators"))
    parser.add_argument("--out", type=Path, default=Path("pipeline/assets"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--reader-steps", type=int, default=3000)
    parser.add_argument("--identity-steps", type=int, default=600)
    parser.add_argument("--families", type=int, default=1250, help="for the identity")
    parser.add_argument("--held-out", type=int, default=2000, help="renders to measure on")
    return parser.parse_args()


def reporter(what: str) -> Callable[[int, int, float], None]:
    """Make a callback that prints mean loss, rate and remaining time every ten seconds."""
    start = last = time.monotonic()
    first, losses = -1, list[float]()

    def report(step: int, steps: int, loss: float) -> None:
        nonlocal last, first
        now, first = time.monotonic(), step if first < 0 else first
        losses.append(loss)
        if now - last < 10 and step < steps:
            return
        rate = max(step - first, 1) / max(now - start, 1e-3)
        mean = "" if math.isnan(loss) else f"loss {sum(losses) / len(losses):.4f} "
        print(f"{what} {step}/{steps} {mean}{rate:.2f}/s {(steps - step) / rate:.0f} s left")
        last = now
        losses.clear()

    return report


def main() -> int:
    """Train and write; a user's mistake or an interruption ends in one line."""
    options = arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    import torch

    from pipeline.errors import UserError
    from pipeline.evaluators.workshop import Workshop

    torch.set_num_threads(1)
    workshop = Workshop(
        data=options.data,
        work=options.work,
        out=options.out,
        seed=options.seed,
        reader_steps=options.reader_steps,
        identity_steps=options.identity_steps,
        families=options.families,
        held_out=options.held_out,
        command=" ".join(["python scripts/train_evaluators.py", *sys.argv[1:]]),
        reporter=reporter,
    )
    try:
        for line in workshop.make([options.only] if options.only else NAMES):
            print(line, flush=True)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
