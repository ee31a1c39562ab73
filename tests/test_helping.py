"""What ``python run.py --help`` says."""

import pytest

from pipeline.errors import UserError
from pipeline.helping import help_text
from pipeline.listing import GROUPS, WIDTH, choices


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
