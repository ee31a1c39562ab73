"""Give an edit of a run a name: writes conf/edit/NAME.yaml and the edit itself beside the outputs.

The numbers of edits stand in the run's report, those of a whole layer in its inspection sheet
(task=inspection).

Command: python scripts/name_edit.py outputs/2026-01-31/12-00-00 3 wider_nose
Then:    python run.py edit=wider_nose
"""

import argparse
import sys
from pathlib import Path

from pipeline.errors import UserError
from pipeline.named_edits import FOLDER, name_edit


def main() -> int:
    """Write both files, and say how the name is used."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of the run, with its edits.safetensors")
    parser.add_argument("index", type=int, help="number of the edit")
    parser.add_argument("name", help="lower case, with underscores")
    parser.add_argument("--what", default="", help="a sentence on what it does")
    parser.add_argument("--edits", type=Path, default=FOLDER, help="folder for the edit itself")
    options = parser.parse_args()
    try:
        written = name_edit(
            options.run, options.index, options.name, options.what, edits=options.edits
        )
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{written}\npython run.py edit={options.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
