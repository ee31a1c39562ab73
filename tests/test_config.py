import pytest

from pipeline.config import RunConfig, check, strengths
from pipeline.errors import UserError


class Config(dict):
    __getattr__ = dict.__getitem__


def config(**changes: object) -> Config:
    return Config(vars(RunConfig(strength=[1]))) | changes


def of(**changes: object) -> Config:
    return Config(config(**changes))


def test_strengths_come_in_ascending_order() -> None:
    assert strengths([2, -1, 0.5]) == (-1.0, 0.5, 2.0)


def test_one_number_is_a_list_of_one() -> None:
    assert strengths(3) == (3.0,)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "the list is empty"),
        (["a"], "'a'"),
        ("abc", "'abc'"),
        ([1, None], "'None'"),
        ([True], "'True'"),
        ([float("nan")], "'nan'"),
        ([float("inf")], "'inf'"),
        ([0], "'0'"),
        ([1, 1.0], "given twice"),
    ],
)
def test_bad_strengths_are_refused(given: object, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        strengths(given)
    assert "\n" not in str(caught.value)
    assert "strength=" in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [
        {"samples": 0},
        {"samples": -4},
        {"batch": 0},
        {"threads": 0},
        {"seed": -1},
        {"direction": -1},
        {"unit": "latnet"},
        {"strength": []},
    ],
)
def test_a_bad_value_is_refused_by_its_key(changes: dict[str, object]) -> None:
    with pytest.raises(UserError, match=next(iter(changes))):
        check(of(**changes))


def test_the_defaults_pass() -> None:
    check(of())
