"""Run a small job and a sweep under faults, and compare with undisturbed runs.

python scripts/inject_faults.py --faults 30
python scripts/inject_faults.py --faults 12 --kinds kill corrupt --seed 3 --out outputs/faults

SIGKILL at any moment, full and read-only disks (as root, on small ones that it mounts), a vanished
W&B server, spoilt store entries, and several commands on one store. After each fault the same
command is given again; its numbers and edits must be the undisturbed ones. The exit status is 1
where something was wrong, lost, or a traceback was shown; folders of such trials are kept. With
--out, the same command goes on with an interrupted session.
"""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from pipeline.errors import UserError
from pipeline.faults import report
from pipeline.faults.bench import PATIENCE, Bench
from pipeline.faults.commands import Command
from pipeline.faults.trials import KINDS, kinds_of, trials


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Runs under faults, compared with undisturbed.")
    parser.add_argument("--faults", type=int, default=30, help="that strike, of all kinds in turns")
    parser.add_argument("--kinds", nargs="+", default=[], help=", ".join(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="folder of faults.json and of trials; kept")
    return parser.parse_args()


def inject(options: argparse.Namespace, folder: Path) -> bool:
    """All trials, told as they come; says whether all were fine."""
    kinds = kinds_of(options.kinds)
    missing = {kind.name: why for kind in kinds if (why := kind.missing())}
    for name, why in missing.items():
        print(f"{name}: skipped, {why}", flush=True)
    kinds = [kind for kind in kinds if kind.name not in missing]
    bench = Bench(folder)
    Command(["--help"], folder / "help.txt").wait(PATIENCE)  # loads everything once
    for setting in bench.settings:
        bench.measure(setting)
        print(f"undisturbed {setting.name}: {bench.seconds[setting.name]:.1f} s", flush=True)
    done = report.read(folder / "faults.json", options.seed)
    count = options.faults if kinds else 0
    for trial in trials(bench, kinds, count, options.seed, tuple(done)):
        done.append(trial)
        print(report.line(trial), flush=True)
        report.write(done, options.seed, missing, folder / "faults.json")
    print(f"\n{report.text(done)}")
    return all(trial.fine for trial in done)


def main() -> int:
    """Inject faults, in a folder that is told or in one that is gone afterwards."""
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # leaves no mount and no command
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # of all commands: part of what is repeatable
    try:
        if options.out is not None:
            options.out.mkdir(parents=True, exist_ok=True)
            return 0 if inject(options, options.out.absolute()) else 1
        with tempfile.TemporaryDirectory() as folder:
            return 0 if inject(options, Path(folder)) else 1
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
