"""Fetch official weights into the weights folder, resumed and verified.

python scripts/fetch_weights.py stylegan2_ffhq alexnet     # by name
python scripts/fetch_weights.py --all-evaluators           # what the real metrics need
python scripts/fetch_weights.py celeba_attributes          # all forty attribute classifiers
python scripts/fetch_weights.py --list                     # every name, and what is here

The folder is PIPELINE_WEIGHTS, else ~/.cache/local-gan-editing. PIPELINE_WEIGHTS_MIRROR=ADDRESS (or
--mirror) takes every file from ADDRESS/FILE. Mind the licence of each file.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pipeline.errors import UserError
from pipeline.weights import cache
from pipeline.weights.checksums import recorded
from pipeline.weights.evaluators import EVALUATORS
from pipeline.weights.registry import GROUPS, REGISTRY, registered

if TYPE_CHECKING:
    from pipeline.weights.transfer import Report

HEADINGS = ("name", "what", "size", "checksum", "here", "licence")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Fetch official weights.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="as --list shows them")
    parser.add_argument("--list", action="store_true", help="show every name and what is here")
    parser.add_argument(
        "--all-evaluators", action="store_true", help="the networks that judge images"
    )
    parser.add_argument("--mirror", metavar="URL", help="take every file from URL/FILE")
    parser.add_argument("--folder", type=Path, help="the weights folder")
    options = parser.parse_args()
    if not (options.names or options.list or options.all_evaluators):
        parser.error("give a NAME, --all-evaluators or --list")
    return options


def table(folder: Path) -> list[Sequence[str]]:
    """Every registered file in a row."""
    return [HEADINGS, *(_row(name, folder) for name in REGISTRY)]


def _row(name: str, folder: Path) -> tuple[str, ...]:
    wanted = REGISTRY[name]
    path = folder / wanted.file
    begun = any(folder.glob(f"{wanted.file}.*.partial"))
    here = "yes" if path.is_file() else "in part" if begun else "no"
    unpublished = "recorded" if recorded(path) else "first use"
    checksum = "published" if wanted.sha256 else unpublished
    return name, wanted.what, wanted.size, checksum, here, wanted.licence


def show(folder: Path) -> None:
    """Print the table, aligned."""
    rows = table(folder)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join(cells).rstrip())
    for group, members in GROUPS.items():
        print(f"{group}: all of {members[0]} to {members[-1]} ({len(members)})")
    print(f"\nfolder: {folder}")
    print("size ?: not published. checksum 'first use': none was published; that of the first")
    print(f"file seen is recorded in {folder / 'checksums.json'} and compared ever after.")


def bring(name: str, folder: Path, mirror: str | None) -> None:
    """Fetch one file and say what came.

    Raises:
        UserError: it cannot be had.
    """
    from pipeline.weights.download import fetch
    from pipeline.weights.transfer import Transfer, silent

    wanted = registered(name)
    known = bool(wanted.sha256 or recorded(folder / wanted.file))
    with _bar(name) as report:
        fetched = fetch(name, folder, mirror, Transfer(report or silent))
    came = f"from {fetched.address}" if fetched.address else "it was here"
    verified = "sha256 as it must be" if known else "sha256 recorded: none was published"
    print(f"{name}: {fetched.path} ({came}; {verified}). Terms: {wanted.licence}.", flush=True)


@contextmanager
def _bar(name: str) -> Iterator["Report | None"]:
    """A bar with speed and remaining time on a terminal; elsewhere nothing."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def main() -> int:
    """Fetch; what cannot be had is told in a line each, and the others are fetched all the same."""
    options, failures = arguments(), 0
    folder = options.folder or cache.folder()
    try:
        asked = [*options.names, *(EVALUATORS if options.all_evaluators else ())]
        names = dict.fromkeys(file for name in asked for file in GROUPS.get(name, (name,)))
        for name in names:
            registered(name)
        if options.list:
            show(folder)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name in names:
        try:
            bring(name, folder, options.mirror)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            failures += 1
        except KeyboardInterrupt:
            print("interrupted: the same command goes on from here", file=sys.stderr)
            return 130
    if names and folder != cache.folder():
        print(f"note: a run finds them with PIPELINE_WEIGHTS={folder}")
    return 2 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
