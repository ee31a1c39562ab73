"""Every command and every worked example of README and guides does what it says."""

import argparse
import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.validation import validate
from pipeline.weights.registry import GROUPS, REGISTRY
from tests.documents import DOCUMENTS, ROOT, Command, all_commands, files

OURS = ("run.py", "scripts/")
EXAMPLES = ("add_a_method.md", "add_a_generator.md", "add_a_metric.md")
SMALL = (
    "samples=4", "strength=[1]", "batch=4", "threads=1", "compare=false", "logger=none",
    "metric.fid=none", "metric.id=none", "metric.lpips=none",
)  # fmt: skip
# What cannot be run here: it installs, or is the test suite itself.
INSTALLS = {
    ("python3", "-m", "pip", "install", "-q", "uv"),
    ("python3", "-m", "uv", "run", "pytest"),
    ("uv", "sync"),
    ("source", ".venv/bin/activate"),
    ("uv", "run", "pytest"),
    ("uv", "run", "ruff"),
    ("uv", "run", "mypy"),
    (".ci/run",),
}
COMMANDS = list({(c.words, c.environment): c for c in all_commands()}.values())


def ours(command: Command) -> list[str] | None:
    """A command of this project without what starts it; None for others."""
    for number, word in enumerate(command.words[:6]):
        if word.startswith(OURS):
            return list(command.words[number:])
    return None


RUNS = [c for c in COMMANDS if (own := ours(c)) and own[0] == "run.py" and not c.environment]
SCRIPTS = [c for c in COMMANDS if (own := ours(c)) and own[0] != "run.py"]
OTHERS = [c for c in COMMANDS if ours(c) is None]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with something for every word in capitals, and every official file by name."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "pictures").mkdir()
    (folder / "pictures" / "face.png").write_bytes(b"a picture")
    (folder / "file").write_bytes(b"a file")
    (folder / "weights").mkdir()
    for weights in REGISTRY.values():
        (folder / "weights" / weights.file).write_bytes(b"weights")
    return folder


def filled_in(words: list[str], place: Path) -> list[str]:
    """Words in capitals replaced by what a reader would put there."""
    pictures, file = str(place / "pictures"), str(place / "file")
    mine = {"PATH": pictures, "FOLDER": pictures, "LSUN_FOLDER": pictures, "FILE": file}
    mine |= {"INDEX": "0", "/shared": str(place)}
    for name, value in mine.items():
        words = [re.sub(rf"(?<![\w/]){name}(?!\w)", value, word) for word in words]
    return words


@pytest.mark.parametrize("command", RUNS, ids=str)
def test_runs_are_valid(command: Command, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPELINE_WEIGHTS", str(place / "weights"))
    monkeypatch.setattr("pipeline.machine.memory", lambda: 16e9)
    words = filled_in((ours(command) or [])[1:], place)
    if words == ["--list"]:
        pytest.skip("tests/test_listing.py runs it")
    found = validate(words)
    assert found.good, found.lines()


@pytest.mark.parametrize("command", SCRIPTS, ids=str)
def test_scripts_take_their_arguments(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    class Taken(BaseException):
        pass

    whole = argparse.ArgumentParser.parse_args

    def parse_args(self: argparse.ArgumentParser, *given: Any) -> None:
        whole(self, *given)
        raise Taken

    script, *arguments = ours(command) or []
    assert (ROOT / script).is_file()
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_args)
    monkeypatch.setattr(sys, "argv", [script, *arguments])
    main: Callable[[], object] = importlib.import_module(f"scripts.{Path(script).stem}").main
    with pytest.raises(Taken):
        main()
    if script == "scripts/fetch_weights.py":
        names = [a for a in arguments if not a.startswith("-")]
        assert all(name in REGISTRY or name in GROUPS for name in names)


@pytest.mark.parametrize("command", OTHERS, ids=str)
def test_what_is_installed_exists(command: Command) -> None:
    words = command.words
    if words[:3] == ("uv", "sync", "--extra"):
        project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
        assert words[3] in project["optional-dependencies"]
        return
    assert any(words[: len(known)] == known for known in INSTALLS), f"say how to test {command}"
    for word in words:
        if word.endswith(".py") or word == ".ci/run":
            assert (ROOT / word).is_file()


@pytest.mark.parametrize("guide", EXAMPLES)
def test_worked_examples_run(guide: str, tmp_path: Path) -> None:
    """The files of a guide, outside of the repository, and its commands with few samples."""
    document = ROOT / "docs" / guide
    for name, text in files(document).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    asked, run = (c for c in all_commands() if c.document == guide and c.environment)
    assert asked.words[-1] == "--validate"
    assert asked.words[:-1] == tuple(w for w in run.words if not w.startswith("samples="))
    _typed(asked, tmp_path)
    _typed(run, tmp_path, *SMALL, "hydra.run.dir=out", "store=store")
    found = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert found["metrics"]["mse_in"]["value"] > 0
    if guide == "add_a_metric.md":
        assert found["metrics"]["sharpness"]["n"] == 4


def _typed(command: Command, folder: Path, *more: str) -> None:
    """Type a command in a folder, with this Python and this checkout."""
    words = [sys.executable, str(ROOT / "run.py"), *(ours(command) or [])[1:], *more]
    own = dict(word.split("=", 1) for word in command.environment)
    done = subprocess.run(
        words, cwd=folder, env=os.environ | own, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr


def test_links_lead_somewhere() -> None:
    for document in DOCUMENTS:
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_guide_is_in_the_list_of_guides() -> None:
    text = (ROOT / "docs" / "README.md").read_text("utf-8")
    for guide in (ROOT / "docs").glob("*.md"):
        assert guide.name == "README.md" or f"({guide.name})" in text
