"""What tests of trainings share."""

import sys
from collections.abc import Callable

import pytest

from pipeline.errors import UserError
from pipeline.training import quality
from pipeline.training.quality import Readers
from tests.training.faces import Run


@pytest.fixture
def no_evaluators(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing judges the samples."""

    def missing() -> Readers:
        raise UserError("No weights file 'parser'.")

    monkeypatch.setattr(quality.Readers, "load", missing)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Call a script's ``main`` with arguments."""

    def call(main: Callable[[], int], *arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["script.py", *map(str, arguments)])
        return main()

    return call
