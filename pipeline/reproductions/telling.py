"""The end of a reproduction: table and verdicts on the terminal, and their mirror."""

from pathlib import Path

from omegaconf import DictConfig

from pipeline.attempts import attempt
from pipeline.experiment import make
from pipeline.report.table_formats import print_table
from pipeline.report.tables import Table, show_cell
from pipeline.reproductions.base import Claim, Reproduction
from pipeline.reproductions.collate import CLAIMS, Reproduced, collate_reproduction
from pipeline.tracking import Tracker


def tell(sweep: Path, reproduction: Reproduction, config: DictConfig) -> None:
    """Print everything that a reproduction found, and show it in the tracker of the sweep.

    Raises:
        UserError: there are no jobs.
        OSError: a file cannot be written.
    """
    found = collate_reproduction(sweep, reproduction)
    for table in found.tables:
        print()
        print_table(table)
    print()
    for claim in found.claims:
        parts = "".join(f"\n      {part}" for part in claim.parts)
        print(f"{claim.verdict.upper()}: {claim.text}\n    {claim.evidence}{parts}")
    print(f"\ntable: {sweep / 'table.html'}\nclaims: {sweep / CLAIMS}")
    attempt("the mirror", lambda: _mirror(found, sweep, reproduction, config))


def _mirror(found: Reproduced, sweep: Path, reproduction: Reproduction, config: DictConfig) -> None:
    tracker: Tracker = make(config.logger, folder=str(sweep), group=sweep.name, job_type="table")
    with tracker:
        tracker.start({"reproduction": reproduction.name})
        for number, table in enumerate(found.tables, 1):
            name = "table" if number == 1 else f"table_{number}"
            tracker.table(name, *_flat(table))
        tracker.table("claims", ["claim", "verdict", "evidence"], map(_row, found.claims))
        tracker.artefact("table", sweep / "table.html", "report")


def _flat(table: Table) -> tuple[list[str], list[list[str]]]:
    """Headings and rows of text."""
    columns = [*table.headings, *(column.heading for column in table.columns)]
    rows = [[*row.labels, *(str(show_cell(cell)) for cell in row.cells)] for row in table.rows]
    return columns, rows


def _row(claim: Claim) -> list[str]:
    return [claim.text, claim.verdict, claim.evidence]
