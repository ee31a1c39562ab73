"""Which method edits which generator, and where: a table read off the configurations."""

from pathlib import Path

from pipeline.fitting import PIXELS, Fit, fit_of
from pipeline.listing import CONF, first_sentence

NONE = "–"


def methods_table(conf: Path = CONF) -> str:
    """Methods x architectures, in Markdown; a cell has the spaces that a method can edit in."""
    methods = [name for name in _names(conf, "method") if fit_of("method", name, [conf]).spaces]
    kinds = architectures(conf)
    head = ["`method=`", "", *kinds]
    lines = [_row(head), _row(["---"] * len(head))]
    for name in methods:
        needs, about = fit_of("method", name, [conf]), _about(conf, name)
        cells = [cell(needs, kind, fit) for kind, fit in kinds.items()]
        lines.append(_row([f"`{name}`", about, *cells]))
    return "\n".join(lines)


def architectures(conf: Path = CONF) -> dict[str, Fit]:
    """What the generators of every architecture offer, those with the most spaces first."""
    fits = [fit_of("generator", name, [conf]) for name in _names(conf, "generator")]
    found = {kind: fit for fit in fits for kind in fit.architectures}
    return dict(sorted(found.items(), key=lambda pair: (-len(pair[1].spaces), pair[0])))


def cell(needs: Fit, architecture: str, has: Fit) -> str:
    """The spaces in which a method edits an architecture."""
    if needs.architectures and architecture not in needs.architectures:
        return NONE
    if needs.spaces == (PIXELS,):
        return PIXELS
    return ", ".join(space for space in needs.spaces if space in has.spaces) or NONE


def _names(conf: Path, group: str) -> list[str]:
    return sorted(file.stem for file in (conf / group).glob("*.yaml"))


def _about(conf: Path, name: str) -> str:
    """What a method is called, without what it does."""
    sentence = first_sentence((conf / "method" / f"{name}.yaml").read_text("utf-8"))
    return sentence.partition(": ")[0]


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
