"""The section of photographs."""

import dataclasses

from pipeline.report.html import render_report
from pipeline.report.inversions import inversion
from tests.report.example import STRENGTHS, example_report
from tests.report.page import Page


def test_every_number_is_shown() -> None:
    report = example_report()
    found = report.inversion
    assert found is not None
    quality = found.quality["psnr"]
    expected = [portrait.psnr for portrait in found.portraits]
    expected += [quality.value, *quality.ci95, *found.extremes["psnr"], quality.n]
    shown = [exact for exact, _ in Page(render_report(report)).sections["inversion"]]
    assert sorted(shown) == sorted(expected)


def test_every_photograph_has_its_reconstruction_and_its_edits() -> None:
    page = Page(render_report(example_report()))
    told = [alt for alt in page.attributes("img", "alt") if alt.startswith("face_1.jpg")]
    assert told[:2] == ["face_1.jpg, the photograph", "face_1.jpg, its reconstruction"]
    assert len(told) == 2 + len(STRENGTHS)
    assert "180 to 300 steps" in page.words


def test_names_of_files_are_no_markup() -> None:
    report = example_report()
    assert report.inversion is not None
    odd = dataclasses.replace(report.inversion.portraits[0], name="<b>&.png")
    changed = dataclasses.replace(report.inversion, portraits=[odd])
    page = Page(render_report(dataclasses.replace(report, inversion=changed)))
    assert "<b>&.png, the photograph" in page.attributes("img", "alt")


def test_without_photographs_there_is_no_section() -> None:
    report = dataclasses.replace(example_report(), inversion=None)
    assert inversion(report) is None
    assert "inversion" not in Page(render_report(report)).sections
