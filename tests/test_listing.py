"""What ``python run.py --list`` says, and that it says it without loading anything."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from pipeline.evaluators.embedded import AttributeRegressor
from pipeline.helping import help_text
from pipeline.listing import CONF, GROUPS, attributes, choices, first_sentence, listing

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("group", GROUPS)
def test_every_choice_says_what_it_is(group: str) -> None:
    found = list(choices(group))
    assert len(found) == len(list((CONF / group).rglob("*.yaml"))) > 0
    assert all(len(choice.about) > 3 for choice in found)
    assert not any("python run.py" in choice.about for choice in found)


def test_a_sentence_ends_at_its_end() -> None:
    text = (
        "# @package _global_\n# ReSeFa (Zhu et al. 2022), Sec. 3:\n# two lines. And more.\na: 1\n"
    )
    assert first_sentence(text) == "ReSeFa (Zhu et al. 2022), Sec. 3: two lines"
    assert first_sentence("# Pictures: python run.py x=y\n") == "Pictures"


def test_weights_that_are_missing_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(tmp_path))
    needs = {choice.name: choice.missing for choice in choices("generator")}
    assert needs["stylegan2_procfaces"] == ""
    assert (
        needs["stylegan2_ffhq"] == "needs weights: python scripts/fetch_weights.py stylegan2_ffhq"
    )
    (tmp_path / "stylegan2-ffhq-config-f.pkl").write_bytes(b"here")
    assert {c.name: c.missing for c in choices("generator")}["stylegan2_ffhq"] == ""


def test_extras_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.listing.find_spec", lambda name: None)
    needs = {choice.name: choice.missing for choice in choices("hydra/launcher")}
    assert needs["slurm"] == "needs a package: uv sync --extra slurm"
    assert needs["local"] == ""


def test_attributes_are_those_that_can_be_asked_for() -> None:
    regressor = AttributeRegressor.load(CONF.parent / "pipeline" / "assets")
    assert attributes() == sorted(regressor.readable)


@pytest.mark.parametrize(
    ("flag", "answer"), [("--list", listing), ("--help", partial(help_text, []))]
)
def test_the_command_line_answers_without_torch(flag: str, answer: Callable[[], str]) -> None:
    code = (
        f"import sys; sys.argv=['run.py', '{flag}']; import runpy\n"
        "try: runpy.run_path('run.py', run_name='__main__')\n"
        "except SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == answer().strip()
