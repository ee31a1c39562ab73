"""What the page does, without a page, on a small random generator."""

from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO

import pytest
import torch
from omegaconf import OmegaConf
from PIL import Image

import pipeline.calibrating
from pipeline.errors import UserError
from pipeline.explore.comparing import compare
from pipeline.explore.rendering import Choice
from pipeline.explore.session import Session
from pipeline.explore.wish import Wish
from pipeline.methods.edits import Edits
from tests.explore.small import GENERATOR, OPTIONS, session_in, small_file

SEFA = Wish(method="sefa", options=OPTIONS)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("session")
    with session_in(folder, small_file(folder)) as opened:
        yield opened


@pytest.fixture(scope="module")
def number(session: Session) -> int:
    return session.discover(SEFA)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Directions are tried on few codes."""
    monkeypatch.setattr(pipeline.calibrating, "CALIBRATION_CODES", 4)


def test_directions_come_at_once_in_natural_steps(session: Session, number: int) -> None:
    found = session.found(number)
    assert [d.attribute for d in found.directions()] == [None, None]
    assert found.reach() == (-3, 3)
    assert "standard deviation of the latents" in found.unit()
    assert found.step(1, 2.0) == 2 * found.spreads[1] > 0


def test_a_picture_is_that_of_the_run_and_changes_with_the_strength(
    session: Session, number: int
) -> None:
    found = session.found(number)
    still = session.render(number, Choice(0, 0.0), "3")
    moved = session.render(number, Choice(0, 1.0), "3")
    codes = session.pictures.samples(found.experiment).value
    torch.testing.assert_close(still.original, still.edited)
    assert float(still.difference.max()) < 1e-9
    with torch.inference_mode():
        wanted = found.edits.value[0].apply(
            found.experiment.generator, codes[3:4], found.spreads[0]
        )
    torch.testing.assert_close(moved.edited, wanted[0].clamp(-1, 1))
    error = ((moved.edited - moved.original) / 2).square().mean(0)
    inside = error[moved.mask > 0].mean()
    assert moved.inside == pytest.approx(float(inside), rel=1e-5)


def test_layers_that_are_left_out_do_not_move(session: Session, number: int) -> None:
    found = session.found(number)
    count = len(found.directions()[0].layers)
    one = session.render(number, Choice(0, 1.0, (0, 1)), "0")
    every = session.render(number, Choice(0, 1.0, (0, count)), "0")
    assert not torch.equal(one.edited, every.edited)
    assert found.edit(0, (0, count)) is found.edits.value[0]
    assert found.edit(0, (0, 1)).name.endswith("/layers0-0")
    with pytest.raises(UserError, match="choose some of 0 to"):
        session.render(number, Choice(0, 1.0, (0, count + 1)), "0")


def test_a_strip_has_pictures_as_rows_and_strengths_as_columns(
    session: Session, number: int
) -> None:
    images = session.strip(number, Choice(1), [-1.0, 0.0, 2.0], ["0", "5"])
    assert images.shape[:3] == (2, 3, 3)
    one = session.render(number, Choice(1, 2.0), "5")
    torch.testing.assert_close(images[1, 2], one.edited, rtol=0, atol=1e-5)


def test_a_region_that_was_drawn_is_factorised(session: Session) -> None:
    few = ("method.num_codes=1", *OPTIONS)
    number = session.discover(Wish(box=(0.1, 0.1, 0.6, 0.6), options=few))
    shown = session.render(number, Choice(0, 1.0), "0")
    assert session.found(number).edits.value.region == "box"
    assert float(shown.mask.mean()) == pytest.approx(0.25)
    assert shown.inside > 0


@pytest.mark.usefixtures("few")
def test_calibrated_directions_say_what_they_do(session: Session) -> None:
    number = session.discover(SEFA)
    session.calibrate(number)
    found = session.found(number)
    for direction in found.directions():
        assert direction.attribute in found.experiment.domain.predictor.names
        assert len(direction.changes) <= 3
    assert found.calibration is not None
    assert found.step(0, 2.0) == 2 * found.calibration.step(0, found.experiment.unit, 2.0)
    assert "of its attribute" in found.unit() or "standard deviations of the data" in found.unit()


def test_numbers_have_intervals_and_n(session: Session, number: int) -> None:
    measured = session.measure(number, Choice(0, 1.0), 4)
    assert {e.n for e in measured.metrics.values()} == {4}
    estimate = measured.metrics["mse_in"]
    assert estimate.ci95[0] < estimate.value < estimate.ci95[1]
    assert "smile" in measured.changes
    with pytest.raises(UserError, match="measure 2 to 256"):
        session.measure(number, Choice(0, 1.0), 1000)


@pytest.mark.usefixtures("few")
def test_methods_are_compared_and_one_that_cannot_says_why(session: Session) -> None:
    wish = replace(SEFA, attribute="smile", options=())
    rows = compare(session, wish, ["sefa", "saved"], 0.5, ["0", "1"], 4)
    assert rows[0].images is not None and rows[0].images.shape[0] == 2
    assert rows[0].numbers is not None and rows[0].matched in (True, False)
    assert "method.path=" in rows[1].refused
    with pytest.raises(UserError, match="Choose an attribute"):
        compare(session, SEFA, ["sefa"], 1, ["0"], 4)


def test_a_direction_gets_a_name_that_runs_use(session: Session, number: int) -> None:
    file = session.name(number, Choice(1, 0.0, (0, 2)), "wider", "Widens.")
    config = OmegaConf.load(file)
    edits = Edits.load(config.method.path)
    assert len(edits) == 1 and edits[0].name.endswith("/1/layers0-1")
    with pytest.raises(UserError, match="The name wider is taken"):
        session.name(number, Choice(0), "wider")


def test_a_photograph_becomes_a_picture(session: Session, number: int) -> None:
    content = BytesIO()
    Image.new("RGB", (20, 20), (200, 120, 90)).save(content, "PNG")
    picture = session.photograph(GENERATOR, "me.png", content.getvalue(), ["codes.steps=2"])
    assert picture == "photograph 0"
    shown = session.render(number, Choice(0, 1.0), picture)
    assert shown.inside > 0
    assert session.strip(number, Choice(0), [1.0], ["0", picture]).shape[0] == 2
    assert "psnr" in session.pictures.photographs[0].likeness


def test_a_photograph_that_is_not_square_is_refused(session: Session) -> None:
    content = BytesIO()
    Image.new("RGB", (20, 10)).save(content, "PNG")
    with pytest.raises(UserError, match="draws squares"):
        session.photograph(GENERATOR, "me.png", content.getvalue())


def test_transfers_take_from_another_picture(session: Session) -> None:
    number = session.discover(Wish(method="poisson_blending", region="box"))
    assert session.found(number).takes and session.found(number).reach() == (0.0, 1.0)
    itself = session.render(number, Choice(0, 1.0), "0", reference="0")
    other = session.render(number, Choice(0, 1.0), "0")
    assert float(itself.difference.max()) < float(other.difference.max())


def test_unknown_things_are_mistakes_of_the_user(session: Session, number: int) -> None:
    with pytest.raises(UserError, match="no longer remembered"):
        session.found(99)
    with pytest.raises(UserError, match="there are 0 to 255"):
        session.render(number, Choice(0), "256")
    with pytest.raises(UserError, match="give the number of a sample"):
        session.render(number, Choice(0), "-1")
    with pytest.raises(UserError, match="there are 0 to 1"):
        session.render(number, Choice(2), "0")
    with pytest.raises(UserError, match="has not been opened"):
        session.render(number, Choice(0), "photograph 7")
