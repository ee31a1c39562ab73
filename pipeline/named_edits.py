"""Edits with names: a small configuration ``conf/edit/NAME.yaml``, used as ``edit=NAME``.

The edit itself lies in a file of its own, with the fingerprint of the generator that it was found
on, so that a name never stands for another direction after a seed, a method or weights changed.
"""

import re
from dataclasses import replace
from pathlib import Path

from pipeline.disk import Place, replace_file
from pipeline.errors import UserError
from pipeline.methods.edits import Edits

CONF = Path(__file__).parents[1] / "conf" / "edit"
FOLDER = Path("outputs/edits")
NAMES = re.compile(r"[a-z][a-z0-9_]*")


def name_edit(
    run: Path, index: int, name: str, what: str = "", conf: Path = CONF, edits: Path = FOLDER
) -> Path:
    """Write the files of a name.

    Args:
        run: folder of the run that found the edit.
        index: which of its edits.
        name: lower case, with underscores.
        what: a sentence on what it does, for the head of the file.
        conf: folder of the configurations.
        edits: folder for the edit itself; the configuration names it as it is given.

    Returns:
        The configuration.

    Raises:
        UserError: there is no such edit, the name will not do or is taken, or a folder cannot be
            written.
    """
    if not NAMES.fullmatch(name):
        raise UserError(f"'{name}' is no name for an edit: lower case, e.g. wider_nose.")
    target, file = conf / f"{name}.yaml", edits / f"{name}.safetensors"
    if target.exists():
        raise UserError(f"The name {name} is taken: delete {target}, or choose another.")
    found = Edits.load(run / "edits.safetensors")
    if not 0 <= index < len(found):
        raise UserError(f"There is no edit {index} in {run}: it has 0 to {len(found) - 1}.")
    with Place("folder of named edits", edits, "--edits").writing():
        replace(found, edits=(found[index],), extra={}).save(file)
    with Place("folder of names", conf, "conf").writing():
        conf.mkdir(parents=True, exist_ok=True)
        replace_file(target, _configuration(found, index, name, what, file).encode())
    return target


def _configuration(found: Edits, index: int, name: str, what: str, file: Path) -> str:
    about = " ".join(what.split()) or f"The direction {name}."
    return (
        "# @package _global_\n"
        f"# {about}\n"
        f"# {found[index].name}, found by {found.method} on {found.generator} "
        f"({found.fingerprint}), seed {found.seed}.\n"
        "defaults:\n"
        "  - override /method: saved\n"
        f"  - override /generator: {found.generator}\n"
        "method:\n"
        f"  path: {file.as_posix()}\n"
    )
