"""Official network, stand-in or nobody: what is chosen, and what is said of it."""

import logging

import pytest

from pipeline.domains.judges import Candidates
from pipeline.errors import UserError


class Network:
    def __init__(self, name: str, source: str = "") -> None:
        self.name, self.source = name, source


def official() -> Network:
    return Network("fid", "/weights/inception.pth")


def stand_in() -> Network:
    return Network("fd_embedded")


BOTH = Candidates("fid", "inception", official, None, stand_in)
UNFIT = Candidates("fid", "inception", official, "no weights", stand_in)
ALONE = Candidates("fid", "inception", official, "no weights")


@pytest.mark.parametrize(
    ("candidates", "wish", "name", "note"),
    [
        (BOTH, "auto", "fid", "official network (inception.pth)"),
        (BOTH, "embedded", "fd_embedded", "stand-in of the embedded domain: asked for"),
        (UNFIT, "auto", "fd_embedded", "stand-in of the embedded domain: no weights"),
        (UNFIT, "inception", "fid", "official network (inception.pth)"),
        (ALONE, "inception", "fid", "official network (inception.pth)"),
    ],
)
def test_the_choice_is_noted(
    candidates: Candidates[Network], wish: str, name: str, note: str
) -> None:
    notes: dict[str, str] = {}
    judge = candidates.choose(wish, notes)
    assert judge is not None and judge.name == name
    assert notes == {name: note}


def test_the_reference_set_belongs_to_the_note() -> None:
    notes: dict[str, str] = {}
    BOTH.choose("auto", notes, "70 images, resized by Pillow")
    assert notes["fid"].endswith("reference set: 70 images, resized by Pillow")


def test_none_is_nobody_without_a_word() -> None:
    notes: dict[str, str] = {}
    assert BOTH.choose("none", notes) is None
    assert notes == {}


def test_what_cannot_be_had_is_left_out_aloud(caplog: pytest.LogCaptureFixture) -> None:
    notes: dict[str, str] = {}
    with caplog.at_level(logging.WARNING):
        assert ALONE.choose("auto", notes) is None
    assert notes == {"fid": "left out: no weights"}
    assert "fid is left out: no weights" in caplog.text


@pytest.mark.parametrize(("wish", "said"), [("embedded", "mean nothing"), ("magic", "Unknown")])
def test_what_there_is_not_is_refused(wish: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        ALONE.choose(wish, {})
    assert "metric.fid" in str(caught.value) and "\n" not in str(caught.value)
