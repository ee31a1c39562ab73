"""The page as a whole."""

import dataclasses
import logging
import math
import re
import time
from pathlib import Path

import pytest
import torch

from pipeline.report.content import Curve, EvaluatorNote, Report
from pipeline.report.html import render_report, write_report
from pipeline.report.sections import SECTIONS
from tests.report.example import example_report, example_strip
from tests.report.page import Page

UNSCALED = str.maketrans("−⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "--0123456789")


@pytest.fixture(scope="module")
def report() -> Report:
    """A report with everything in it."""
    return example_report()


@pytest.fixture(scope="module")
def text(report: Report) -> str:
    """Its page."""
    return render_report(report)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    """Its page, parsed: this alone checks that tags are closed in order."""
    return Page(text)


def test_the_same_content_gives_the_same_page(text: str) -> None:
    """Nothing but the content goes in."""
    assert render_report(example_report()) == text


def test_all_sections_are_there_and_linked(page: Page) -> None:
    """The navigation leads to every section."""
    names = [section.name for section in SECTIONS]
    assert list(page.sections) == names
    assert page.attributes("a", "href") == [f"#{name}" for name in names]
    assert "could not be drawn" not in page.words


def test_nothing_is_loaded_from_elsewhere(text: str, page: Page) -> None:
    """Images are in the page, references stay on it, no address appears at all."""
    assert not re.findall(r"https?://|@import|url\((?!#)", text)
    assert all(uri.startswith("data:image/png;base64,") for uri in page.attributes("img", "src"))
    defined = set(page.attributes("g", "id"))
    assert set(page.attributes("use", "href")) <= {f"#{name}" for name in defined}
    assert page.attributes("script", "src") + page.attributes("link", "href") == []


def test_images_and_tables_are_described(page: Page) -> None:
    """Alternative texts, table heads with scope, charts with a label."""
    images = page.attributes("img", "src")
    assert len(images) == 2 * 5 + 2 * 4 + 3 + 2 * 5
    assert all(page.attributes("img", "alt")) and len(page.attributes("img", "alt")) == len(images)
    assert len(page.attributes("th", "scope")) == sum(tag == "th" for tag, _ in page.tags)
    charts = [a for tag, a in page.tags if tag == "svg" and a.get("class") == "chart"]
    assert charts and all(a["role"] == "img" and a["aria-label"] for a in charts)


def test_metrics_are_those_of_the_content(report: Report, page: Page) -> None:
    """Values, ends of the intervals and n, without anything else."""
    expected = []
    for estimate in report.metrics.values():
        numbers = [estimate.value, *estimate.ci95, estimate.n]
        expected += [x for x in numbers if not math.isnan(x)]
    found = [exact for exact, _ in page.sections["metrics"]]
    assert sorted(found) == sorted([*expected, report.strength])


def test_other_sections_show_their_numbers(report: Report, page: Page) -> None:
    """Curves, changes, directions and timings, to the last digit."""
    shown = {name: [exact for exact, _ in found] for name, found in page.sections.items()}
    for curve in report.curves.values():
        points = [x for c in (curve.values, curve.lows, curve.highs) for x in c]
        assert {x for x in points if x == x} <= set(shown["curves"])
    changes = [x for c in report.changes for x in (c.change.value, *c.change.ci95) if x == x]
    assert set(changes) <= set(shown["changes"])
    for row in report.directions:
        numbers = [row.eigenvalue, row.mse_ratio.value, *row.mse_ratio.ci95]
        assert row.effect is not None
        numbers += [row.effect.change.value, *row.effect.outside_change.ci95]
        numbers += [row.effect.selectivity]
        assert set(numbers) <= set(shown["directions"])
    assert shown["timings"] == [11.25, 0.75, 12.0]


def test_what_is_read_is_the_number_rounded(page: Page) -> None:
    """Every number is off by at most half of its last digit."""
    for exact, text in (pair for found in page.sections.values() for pair in found):
        digits, _, power = text.removesuffix(" s").translate(UNSCALED).partition(" ×10")
        unit = 10.0 ** (int(power or 0) - len(digits.partition(".")[2]))
        read = float(digits) * 10.0 ** int(power or 0)
        assert abs(read - exact) <= 0.5000001 * unit, (exact, text)


def test_the_headline_says_what_was_found(page: Page) -> None:
    """One sentence with the ratio, the attribute asked for and the worst one outside."""
    words = " ".join(page.words.split())
    assert (
        "At strength 3, direction 1 of resefa changes the mouth 82 times as much per pixel as the "
        "rest of the image, moves mouth open by 1.02 standard deviations of the data and no "
        "attribute outside it by more than 0.21 (jaw width)."
    ) in words


def test_what_is_missing_is_said(text: str) -> None:
    """NaN never appears; a dash says why."""
    assert not re.search(r"\bnan\b", text.replace("NaN", "nan"))
    for reason in ("not measured", "no interval (n = 1)", "not reached"):
        assert f'title="{reason}">–</span>' in text


def test_stand_ins_are_named(page: Page) -> None:
    """The note of an evaluator overrules what a name suggests."""
    official = [EvaluatorNote("fd_embedded", True, "official network")]
    changed = Page(render_report(dataclasses.replace(example_report(), evaluators=official)))
    tags = [p.words.count("stand-in") for p in (page, changed)]
    assert tags[0] == 2 + 2 + 1  # two tiles, two rows, one note
    assert tags[1] == 1 + 1


def test_text_is_escaped() -> None:
    """Markup in the content stays text."""
    evil = "<script>alert('x')</script>"
    text = render_report(dataclasses.replace(example_report(), title=evil, configuration=evil))
    assert text.count("<script>") == 1
    assert Page(text).words.count(evil) == 3


@pytest.mark.parametrize("section", [s.name for s in SECTIONS])
def test_a_section_that_fails_leaves_the_others(
    section: str, text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A note stands in its place and a warning is logged."""

    def fail(_: Report) -> None:
        raise ZeroDivisionError("no <luck>")

    broken = [dataclasses.replace(s, build=fail) if s.name == section else s for s in SECTIONS]
    monkeypatch.setattr("pipeline.report.html.SECTIONS", broken)
    with caplog.at_level(logging.WARNING):
        page = Page(render_report(example_report()))
    assert "could not be drawn: ZeroDivisionError: no <luck>" in page.words
    assert [r.levelname for r in caplog.records] == ["WARNING"]
    assert section in caplog.text
    assert page.sections.pop(section) == []
    expected = Page(text).sections
    assert page.sections == {name: found for name, found in expected.items() if name != section}


def test_damaged_content_costs_its_section_only() -> None:
    """Images that are none, strengths that do not fit, a map of the wrong shape."""
    strips = [dataclasses.replace(example_strip(0), edited=torch.zeros(3))]
    damaged = dataclasses.replace(example_report(), strips=strips, difference=torch.zeros(2))
    page = Page(render_report(damaged))
    assert page.words.count("could not be drawn") == 2
    assert page.sections["metrics"]


def test_a_bare_report() -> None:
    """Sections without content are left out."""
    bare = Report(
        title="t",
        command="c",
        method="m",
        generator="g",
        region="r",
        seed=0,
        samples=1,
        strength=1.0,
    )
    page = Page(render_report(bare))
    assert list(page.sections) == ["headline", "record"]
    assert "At strength 1, m edits the r." in " ".join(page.words.split())


def test_without_attributes() -> None:
    """Directions are told by their locality alone; nothing speaks of an attribute."""
    report = example_report()
    rows = [dataclasses.replace(row, effect=None) for row in report.directions]
    bare = dataclasses.replace(
        report,
        directions=rows,
        changes=[],
        attribute=None,
        selectivity_meaning="",
        dataset="photos",
    )
    text = render_report(bare)
    page = Page(text)
    assert "could not be drawn" not in page.words
    assert "<dt>attribute</dt><dd>none</dd>" in text and "<dd>photos</dd>" in text
    assert "leading attribute" not in page.words and "selectivity" not in page.words
    shown = [exact for exact, _ in page.sections["directions"]]
    for row in rows:
        assert {row.eigenvalue, row.mse_ratio.value, *row.mse_ratio.ci95} <= set(shown)


def test_odd_numbers() -> None:
    """A curve of nothing, one strength, an edit that changes nothing."""
    empty, single = Curve((), (), (), (), 0), Curve((2.0,), (0.5,), (0.4,), (0.6,), 3)
    nothing = (math.nan, math.nan)
    unknown = Curve((1.0, 2.0), nothing, nothing, nothing, 0)
    odd = dataclasses.replace(
        example_report(),
        curves={"mse_in": single, "mse_out": empty, "id": unknown},
        difference=torch.zeros(16, 16),
    )
    assert "could not be drawn" not in Page(render_report(odd)).words


def test_a_region_that_varies_is_drawn_per_sample() -> None:
    """Each strip refers to the outline of its own mask."""
    strips = []
    for index in (4, 7):
        mask = torch.zeros(16, 16)
        mask[index] = 1
        strips.append(dataclasses.replace(example_strip(index), mask=mask))
    page = Page(render_report(dataclasses.replace(example_report(), outline=None, strips=strips)))
    assert page.attributes("g", "id") == ["outline-4", "outline-7"]
    assert page.attributes("use", "href") == ["#outline-4"] * 4 + ["#outline-7"] * 4


def test_large_images_are_averaged_down() -> None:
    """A page of large images stays small, and says so."""
    strips = [example_strip(0, side=512)]
    page = Page(render_report(dataclasses.replace(example_report(), strips=strips, directions=[])))
    assert "Images of 512 × 512 pixels, averaged to 256." in page.words


def test_written_whole(report: Report, text: str, tmp_path: Path) -> None:
    """The file holds the page; no temporary file is left."""
    write_report(report, tmp_path / "new" / "report.html")
    assert (tmp_path / "new" / "report.html").read_text(encoding="utf-8") == text
    assert len(list((tmp_path / "new").iterdir())) == 1


def test_fast_enough() -> None:
    """Eight strips of seven strengths and ten directions in 1.5 s of one core."""
    strengths = tuple(float(s) for s in range(1, 8))
    strips = [example_strip(i, 64, strengths) for i in range(8)]
    report = dataclasses.replace(example_report(directions=10, side=64), strips=strips)
    start = time.process_time()
    render_report(report)
    assert time.process_time() - start < 1.5
