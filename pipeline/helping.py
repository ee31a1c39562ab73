"""What ``python run.py --help`` says. Hydra's own takes twice as long as all this."""

import textwrap
from collections.abc import Sequence

from omegaconf import OmegaConf

from pipeline.listing import GROUPS, METRICS, WIDTH, choices
from pipeline.mistakes import without_hydra
from pipeline.preflight import planned

USAGE = """\
python run.py [GROUP=NAME ...] [KEY=VALUE ...]   one experiment
python run.py -m GROUP=NAME,NAME KEY=VALUE,VALUE   every combination of them
python run.py experiment=PAPER/TABLE   a table or a figure of a paper

  --list         every choice in a line, with what is missing for it here
  --validate     whether this command line would work here, and how long it takes
  --cfg job      its configuration alone
  --hydra-help   Hydra's own flags"""


def help_text(arguments: Sequence[str]) -> str:
    """How to call the program, all choices, and the configuration of a command line.

    Raises:
        UserError: the command line has a mistake.
    """
    names = {group: [choice.name for choice in choices(group)] for group in (*GROUPS, METRICS)}
    width = max(map(len, names)) + 2
    lines = [_hanging(f"{group}=", ", ".join(found), width) for group, found in names.items()]
    with planned(arguments) as plan:
        config = OmegaConf.to_yaml(without_hydra(plan.first))
    return "\n\n".join([USAGE, "GROUP=NAME", "\n".join(lines), "KEY=VALUE", config])


def _hanging(head: str, text: str, width: int) -> str:
    """Text beside a head, wrapped."""
    first, rest = f"  {head:{width}}", " " * (width + 2)
    return textwrap.fill(text, WIDTH, initial_indent=first, subsequent_indent=rest)
