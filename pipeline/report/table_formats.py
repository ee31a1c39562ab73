"""Tables for people: Markdown, LaTeX, HTML and the terminal."""

import re
import sys
from typing import TextIO

from markupsafe import Markup

from pipeline.report.markup import render_template
from pipeline.report.numbers import Shown
from pipeline.report.tables import (
    Cell,
    Table,
    sample_count,
    show_cell,
    table_notes,
)

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "−": r"$-$",
    "–": "--",
    "∞": r"$\infty$",
    "×": r"$\times$",
    "²": r"$^2$",
    **{sign: "\\" + sign for sign in "&%$#_{}"},
}


def to_markdown(table: Table) -> str:
    """A pipe table; the best values are bold."""
    head = [_pipe(text) for text in (*table.headings, *(c.heading for c in table.columns))]
    rules = [":---"] * len(table.headings) + ["---:"] * len(table.columns)
    lines = [f"**{table.title}**", "", _piped(head), _piped(rules)]
    best = table.best()
    for r, row in enumerate(table.rows):
        cells = []
        for c, cell in enumerate(row.cells):
            shown = show_cell(cell)
            value = _pipe(shown.value)
            value = f"**{value}**" if (r, c) in best else value
            cells.append(value + _behind(shown) + sample_count(table, cell))
        lines.append(_piped([*map(_pipe, row.labels), *cells]))
    return "\n".join([*lines, "", *(f"- {note}" for note in table_notes(table))]) + "\n"


def to_latex(table: Table) -> str:
    """A booktabs table; the best values are bold, the intervals small."""
    head = [_tex(text) for text in (*table.headings, *(c.heading for c in table.columns))]
    best = table.best()
    body = []
    for r, row in enumerate(table.rows):
        cells = [_tex_cell(table, cell, (r, c) in best) for c, cell in enumerate(row.cells)]
        body.append("  " + " & ".join([*map(_tex, row.labels), *cells]) + r" \\")
    lines = [
        "% needs \\usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        f"  \\caption{{{_tex(table.title)}. {_tex(' '.join(table_notes(table)))}}}",
        f"  \\begin{{tabular}}{{{'l' * len(table.headings)}{'r' * len(table.columns)}}}",
        r"  \toprule",
        "  " + " & ".join(head) + r" \\",
        r"  \midrule",
        *body,
        r"  \bottomrule",
        r"  \end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def to_html(table: Table) -> str:
    """A page of its own; the best values are bold, rows link to where they come from."""
    return str(render_template("table.html.j2", _filled(table)))


def html_table(table: Table) -> Markup:
    """The same without a page around it or its title."""
    return render_template("results.html.j2", _filled(table))


def _filled(table: Table) -> dict[str, object]:
    """What the templates of a table fill in."""
    best = table.best()
    rows = [
        (row, [(x, (r, c) in best, sample_count(table, x)) for c, x in enumerate(row.cells)])
        for r, row in enumerate(table.rows)
    ]
    return {"table": table, "rows": rows, "notes": table_notes(table)}


def to_text(table: Table) -> str:
    """Aligned columns without colour; best values are marked with a star."""
    best = table.best()
    lines = [[*table.headings, *(c.heading for c in table.columns)]]
    for r, row in enumerate(table.rows):
        cells = [_starred(table, cell, (r, c) in best) for c, cell in enumerate(row.cells)]
        lines.append([*row.labels, *cells])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    labels = len(table.headings)
    text = [
        "  ".join(
            part.ljust(width) if i < labels else part.rjust(width)
            for i, (part, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    text.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join([table.title, "", *text, "", *table_notes(table)]) + "\n"


def print_table(table: Table, file: TextIO | None = None) -> None:
    """Print it: with rich on a terminal, as `to_text` elsewhere."""
    out = file or sys.stdout
    if not out.isatty():
        out.write(to_text(table))
        return
    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(title=table.title, title_justify="left", box=None, pad_edge=False)
    for heading in table.headings:
        drawn.add_column(heading)
    for column in table.columns:
        drawn.add_column(column.heading, justify="right")
    best = table.best()
    for r, row in enumerate(table.rows):
        cells = [
            Text.assemble(
                (show_cell(cell).value, "bold green" if (r, c) in best else ""),
                (_behind(show_cell(cell)) + sample_count(table, cell), "dim"),
            )
            for c, cell in enumerate(row.cells)
        ]
        drawn.add_row(*map(Text, row.labels), *cells)
    console = Console(file=out)
    console.print(drawn)
    for note in table_notes(table):
        console.print(Text(note, "dim"))


def _behind(shown: Shown) -> str:
    """What follows the value: interval and power of ten."""
    interval = f" [{shown.interval[0]}, {shown.interval[1]}]" if shown.interval else ""
    return interval + shown.scale


def _starred(table: Table, cell: Cell, best: bool) -> str:
    shown = show_cell(cell)
    return f"{'*' if best else ''}{shown.value}{_behind(shown)}{sample_count(table, cell)}"


def _pipe(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _piped(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _tex(text: str) -> str:
    escaped = "".join(_LATEX.get(sign, sign) for sign in text)
    return re.sub(r"10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)", _tex_power, escaped)


def _tex_power(match: re.Match[str]) -> str:
    plain = match[1].translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789"))
    return f"$10^{{{plain}}}$"


def _tex_cell(table: Table, cell: Cell, best: bool) -> str:
    shown = show_cell(cell)
    value = rf"\textbf{{{_tex(shown.value)}}}" if best else _tex(shown.value)
    behind = _tex(_behind(shown) + sample_count(table, cell))
    return value + (rf" {{\scriptsize{behind}}}" if behind else "")
