"""A golden table in every format."""

import io
import json
import math

import pytest

from pipeline.metrics.base import Estimate
from pipeline.report.table_data import to_csv, to_json
from pipeline.report.table_formats import (
    print_table,
    to_html,
    to_latex,
    to_markdown,
    to_text,
)
from pipeline.report.tables import Column, Missing, Row, Table
from tests.report.page import Page

GOLDEN = Table(
    title="Small & golden",
    headings=("method", "seed"),
    columns=(
        Column.of_metric("mse_out"),
        Column("speed", "", "s", "lower"),
        Column("note"),
    ),
    rows=(
        Row(("resefa", "1"), (Estimate(0.00021, (0.00018, 0.00024), 20), 0.5, "a|b"), "0/r.html"),
        Row(("sefa_x", "1"), (Estimate(4.5e-5, (4.1e-5, 4.9e-5), 20), 12.0, None)),
        Row(("ganspace", "2"), (Missing("disk full"), Missing("disk full"), 7)),
    ),
    notes=("100 % made up.",),
)


def test_csv() -> None:
    """Exact numbers, interval and n in columns of their own, and why cells are empty."""
    assert to_csv(GOLDEN).splitlines() == [
        "method,seed,mse_out,mse_out_lo,mse_out_hi,mse_out_n,speed,note,missing",
        "resefa,1,0.00021,0.00018,0.00024,20,0.5,a|b,",
        "sefa_x,1,4.5e-05,4.1e-05,4.9e-05,20,12.0,,",
        "ganspace,2,,,,,,7,mse_out: disk full; speed: disk full",
    ]


def test_markdown() -> None:
    """Best values bold; pipes in cells are escaped."""
    assert to_markdown(GOLDEN).splitlines() == [
        "**Small & golden**",
        "",
        "| method | seed | MSE out (RGB in [0, 1]) ↓ | speed (s) ↓ | note |",
        "| :--- | :--- | ---: | ---: | ---: |",
        "| resefa | 1 | 0.000210 [0.000180, 0.000240] | **0.5** | a\\|b |",
        "| sefa_x | 1 | **4.50** [4.10, 4.90] ×10⁻⁵ | 12 | – |",
        "| ganspace | 2 | – | – | 7 |",
        "",
        "- In brackets: 95 % intervals; n = 20 throughout.",
        "- 100 % made up.",
        "- method ganspace, seed 2: MSE out, speed: disk full.",
    ]


def test_latex() -> None:
    """Booktabs; signs that LaTeX reads as its own are escaped."""
    lines = to_latex(GOLDEN).splitlines()
    assert lines[3] == (
        r"  \caption{Small \& golden. In brackets: 95 \% intervals; n = 20 throughout. "
        r"100 \% made up. method ganspace, seed 2: MSE out, speed: disk full.}"
    )
    assert lines[4:] == [
        r"  \begin{tabular}{llrrr}",
        r"  \toprule",
        r"  method & seed & MSE out (RGB in [0, 1]) $\downarrow$ & speed (s) $\downarrow$ & note "
        r"\\",
        r"  \midrule",
        r"  resefa & 1 & 0.000210 {\scriptsize [0.000180, 0.000240]} & \textbf{0.5} & a|b \\",
        r"  sefa\_x & 1 & \textbf{4.50} {\scriptsize [4.10, 4.90] $\times$$10^{-5}$} & 12 & -- "
        r"\\",
        r"  ganspace & 2 & -- & -- & 7 \\",
        r"  \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]


def test_json() -> None:
    """Exact numbers again; marks and reasons too."""
    read = json.loads(to_json(GOLDEN))
    first, _, last = read["rows"]
    assert first["labels"] == {"method": "resefa", "seed": "1"}
    assert first["cells"]["mse_out"] == {
        "value": 0.00021,
        "ci95": [0.00018, 0.00024],
        "n": 20,
        "best": False,
    }
    assert first["cells"]["speed"] == {"value": 0.5, "best": True}
    assert last["cells"]["speed"] == {"value": None, "missing": "disk full", "best": False}
    assert (first["link"], last["link"]) == ("0/r.html", None)


def test_html() -> None:
    """It closes its tags, links its rows, marks best and words, and keeps the exact numbers."""
    text = to_html(GOLDEN)
    page = Page(text.replace("<main", "<section id=all").replace("</main", "</section"))
    assert page.attributes("a", "href") == ["0/r.html"]
    assert page.attributes("td", "class") == ["best", "text", "best"]
    exact = [x for x, _ in page.sections["all"]]
    assert exact == [0.00021, 0.00018, 0.00024, 0.5, 4.5e-5, 4.1e-5, 4.9e-5, 12.0]
    assert 'title="disk full"' in text
    assert "http" not in text


def test_text() -> None:
    """Aligned columns, the best starred."""
    lines = to_text(GOLDEN).splitlines()
    assert lines[2:7] == [
        "method    seed      MSE out (RGB in [0, 1]) ↓  speed (s) ↓  note",
        "--------  ----  -----------------------------  -----------  ----",
        "resefa    1     0.000210 [0.000180, 0.000240]         *0.5   a|b",
        "sefa_x    1          *4.50 [4.10, 4.90] ×10⁻⁵           12     –",
        "ganspace  2                                 –            –     7",
    ]


def test_printing_away_from_a_terminal_is_plain() -> None:
    """No escape sequences in a log."""
    out = io.StringIO()
    print_table(GOLDEN, out)
    assert out.getvalue() == to_text(GOLDEN)


def test_printing_on_a_terminal() -> None:
    """Rich draws it, best values in bold."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    print_table(GOLDEN, out)
    assert "ganspace" in out.getvalue()
    assert "disk full" in out.getvalue()


def test_best_needs_a_contest() -> None:
    """Ties share it; NaN, a single number and columns without a better way have none."""
    column = Column("x", better="higher")
    nan = Estimate(math.nan, (math.nan, math.nan), 0)

    def best(*cells: float | Estimate | None, column: Column = column) -> set[int]:
        rows = [Row((str(i),), (cell,)) for i, cell in enumerate(cells)]
        return {row for row, _ in Table("t", ("i",), (column,), rows).best()}

    assert best(1.0, 3.0, 3.0, None) == {1, 2}
    assert best(1.0, nan) == set()
    assert best(2.0, nan, 1.0) == {0}
    assert best(1.0, 2.0, column=Column("x")) == set()


def test_differing_n_is_shown_in_the_cells() -> None:
    """Where rows rest on different numbers of samples."""
    rows = [Row((str(n),), (Estimate(1.0, (0.9, 1.1), n),)) for n in (20, 30)]
    table = Table("t", ("i",), (Column("x"),), rows)
    assert "| 1.00 [0.90, 1.10] (n = 30) |" in to_markdown(table)
    assert "(n = 30)" in to_html(table)
    assert "throughout" not in to_text(table)


def test_rows_must_fit() -> None:
    """A table that is none is refused when it is made."""
    with pytest.raises(ValueError, match="1 labels and 2 cells; the table has 1 and 1"):
        Table("t", ("i",), (Column("x"),), [Row(("a",), (1.0, 2.0))])
