"""Find, drag, compare and name edits on a page of this machine: http://127.0.0.1:7860.

Needs two small packages: uv sync --extra explore. Nobody else can see the page unless --host says
so, and it fetches nothing from anywhere.

Command: python scripts/explore.py
         python scripts/explore.py --port 8000 --seed 3 device=cpu
"""

import argparse
import sys
from pathlib import Path

from pipeline.errors import UserError


def main() -> int:
    """Serve the page until Ctrl-C."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0: everybody in the network")
    parser.add_argument("--port", type=int, default=7860, help="0: any that is free")
    parser.add_argument("--seed", type=int, default=0, help="of the samples")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--store", type=Path, default=Path("outputs/store"))
    parser.add_argument("--out", type=Path, default=Path("outputs/explore"))
    parser.add_argument("overrides", nargs="*", help="of every configuration, e.g. device=cpu")
    given = parser.parse_args()
    from pipeline.explore.server import serve  # torch is imported here, not for --help
    from pipeline.explore.session import Session

    try:
        with Session(given.store, given.out, given.seed, given.threads, given.overrides) as session:
            serve(session, given.host, given.port)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
