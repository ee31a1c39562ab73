"""A program of three stages that keeps to the store as a job does, and takes no time."""

import json
import sys
import time
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from pipeline.entry import told_plainly
from pipeline.records import require_writable, write_json
from pipeline.store import Store

STAGES = ("codes", "discover", "edit")


def stage(number: int, folder: Path) -> None:
    """Some work, some files."""
    time.sleep(0.03)
    values = np.random.default_rng(number).standard_normal(2000)
    save_file({"values": values}, folder / "values.safetensors")
    (folder / "notes.json").write_text(json.dumps({"number": number}))


def main(options: dict[str, str]) -> None:
    """Make what is not in the store, and results of it."""
    out = Path(options["hydra.run.dir"])
    require_writable(out)
    store, total = Store(options["store"]), []
    for number, name in enumerate(STAGES):
        found = store.get(name, str(number) * 64, lambda folder, n=number: stage(n, folder))
        total.append(load_file(found.path / "values.safetensors")["values"])
    (out / "edits.safetensors").write_bytes((found.path / "values.safetensors").read_bytes())
    sums = [float(values.sum()) + float(options.get("wrong", 0)) for values in total]
    write_json(out / "metrics.json", {"sums": sums, "timings": time.time()})
    write_json(out / "report.html", {})


if __name__ == "__main__":
    with told_plainly():
        main(dict(argument.split("=", 1) for argument in sys.argv[1:]))
