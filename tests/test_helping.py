"""What ``python run.py --help`` says."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import UserError
from pipeline.helping import help_text
from pipeline.listing import GROUPS, WIDTH, choices

ROOT = Path(__file__).parents[1]


def test_every_choice_is_named_and_every_flag() -> None:
    usage, _, after = help_text([]).partition("\n\nGROUP=NAME\n\n")
    names, _, values = after.partition("\n\nKEY=VALUE\n\n")
    assert all(flag in usage for flag in ("--list", "--validate", "--cfg", "--hydra-help", "-m"))
    for group in GROUPS:
        assert f"  {group}=" in names
        assert all(choice.name in names.replace(",", "").split() for choice in choices(group))
    assert max(map(len, names.splitlines())) <= WIDTH
    assert "\nsamples: 256\n" in values and "\nhydra:\n" not in values


def test_the_values_are_those_of_the_command_line() -> None:
    assert "_target_: pipeline.methods.sefa.SeFa" in help_text(["--help", "method=sefa"])
    with pytest.raises(UserError, match="Did you mean key=method"):
        help_text(["--help", "methd=sefa"])


def test_the_program_says_it_without_torch() -> None:
    code = (
        "import sys; sys.argv = ['run.py', '-h']; sys.path.insert(0, '.')\n"
        "import runpy\n"
        "try: runpy.run_path('run.py', run_name='__main__')\n"
        "finally: assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("python run.py")
