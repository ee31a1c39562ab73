"""Bring the generated parts of README up to date: tables of what there is, and of what was found.

python scripts/update_readme.py                                  from the configuration
python scripts/update_readme.py --results outputs/FOLDER ...     and from experiments that have run

README marks them: everything between ``<!-- generated: NAME -->`` and ``<!-- end -->`` is replaced.
What experiments found is kept in docs/results.json, newer folders taking the place of older ones of
the same experiment; docs/results.md has the numbers.
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from pipeline.errors import UserError, unknown_name
from pipeline.report.capabilities import methods_table
from pipeline.report.results import Results, claims_table, collected, numbers_page

ROOT = Path(__file__).resolve().parents[1]
README, KEPT, NUMBERS = ROOT / "README.md", Path("docs/results.json"), Path("docs/results.md")
_REGION = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Bring README's tables up to date.")
    parser.add_argument("--results", type=Path, nargs="+", default=[], metavar="FOLDER")
    parser.add_argument("--check", action="store_true", help="change nothing; fail where it is old")
    return parser.parse_args()


def updated(text: str, results: Mapping[str, Results]) -> str:
    """README with its generated regions made again.

    Raises:
        UserError: a region has a name that nothing is made for.
    """
    made = {"methods": methods_table(), "claims": claims_table(results)}

    def replaced(match: re.Match[str]) -> str:
        if match[2] not in made:
            raise unknown_name("region", match[2], made)
        return f"{match[1]}\n{made[match[2]]}\n\n{match[3]}"

    return _REGION.sub(replaced, text)


def kept(root: Path = ROOT) -> dict[str, Results]:
    """What was collected before, by experiment."""
    file = root / KEPT
    found: dict[str, Results] = json.loads(file.read_bytes()) if file.is_file() else {}
    return found


def written(results: Mapping[str, Results], readme: str) -> dict[Path, str]:
    """Every generated file with its text, relative to the root."""
    text = json.dumps(dict(sorted(results.items())), indent=1, ensure_ascii=False)
    return {
        Path("README.md"): updated(readme, results),
        KEPT: text + "\n",
        NUMBERS: numbers_page(results),
    }


def old(files: Mapping[Path, str], root: Path = ROOT) -> list[Path]:
    """The files that are not as they would be made."""
    return [p for p, text in files.items() if not _is(root / p, text)]


def main() -> int:
    """Write the files, or say which are old."""
    options = arguments()
    try:
        results = kept() | dict(collected(folder) for folder in options.results)
        files = written(results, README.read_text("utf-8"))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    changed = old(files)
    for path in changed:
        print(f"{path} {'is old' if options.check else 'brought up to date'}")
        if not options.check:
            (ROOT / path).write_text(files[path], "utf-8")
    return 1 if options.check and changed else 0


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text("utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
