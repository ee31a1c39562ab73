"""Store keys: stable, in one form, and different for whatever differs."""

from collections import OrderedDict
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path

import pytest

from pipeline.store import key

GOLDEN = "969b5fe156bd317b988478902375456c4cbcaa61968dc3be247e72fe63a2cf64"


class Shade(Enum):
    DARK = "dark"


class Space(StrEnum):
    W_PLUS = "w+"


@dataclass(frozen=True)
class Settings:
    steps: int = 3
    space: Space = Space.W_PLUS


def test_a_key_never_changes_between_releases() -> None:
    settings = {"rate": 0.1, "layers": (0, 4), "space": Space.W_PLUS, "attribute": None, "on": True}
    assert key("discover", 2, settings, ["abc", "def"]) == GOLDEN


def test_the_order_of_settings_does_not_matter() -> None:
    one = {"a": 1, "b": {"c": [1.5], "d": None}}
    other = OrderedDict([("b", {"d": None, "c": (1.5,)}), ("a", 1)])
    assert key("s", 1, one, []) == key("s", 1, other, [])


def test_enums_and_dataclasses_count_by_their_values() -> None:
    assert key("s", 1, {"x": Settings()}, []) == key("s", 1, {"x": {"steps": 3, "space": "w+"}}, [])
    assert key("s", 1, {"x": Shade.DARK}, []) == key("s", 1, {"x": "dark"}, [])


def test_whatever_differs_gives_another_key() -> None:
    nothing: dict[str, object] = {}
    keys = [
        key("s", 1, nothing, []),
        key("t", 1, nothing, []),
        key("s", 2, nothing, []),
        key("s", 1, {"a": None}, []),
        key("s", 1, {"a": 0}, []),
        key("s", 1, {"a": False}, []),
        key("s", 1, {"a": "0"}, []),
        key("s", 1, {"a": 0.1}, []),
        key("s", 1, {"a": 0.1 + 2**-56}, []),
        key("s", 1, {"a": float("nan")}, []),
        key("s", 1, {"a": [1, 2]}, []),
        key("s", 1, {"a": [[1], 2]}, []),
        key("s", 1, nothing, ["a", "b"]),
        key("s", 1, nothing, ["b", "a"]),
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("value", [Path("weights.pt"), {1: "a"}, {1, 2}, b"x", object()])
def test_what_has_no_one_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="store key"):
        key("s", 1, {"a": value}, [])
