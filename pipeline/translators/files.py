"""The one way in: a file becomes a translator, without running its code."""

from pathlib import Path
from typing import Any

from pipeline.disk import reason
from pipeline.errors import UserError
from pipeline.generators.checkpoints.files import (
    MISFITS,
    is_safetensors,
    map_file,
    read_content,
    refuse,
)
from pipeline.generators.checkpoints.own import is_own
from pipeline.generators.weights import ASSETS, read_generator
from pipeline.translators.attgan import AttGAN, AttGANConfig
from pipeline.translators.base import Translator
from pipeline.translators.forms import FORMS, Untold
from pipeline.translators.stargan import StarGAN, StarGANConfig

NETWORKS: dict[str, tuple[Any, Any]] = {
    "StarGAN": (StarGAN, StarGANConfig),
    "AttGAN": (AttGAN, AttGANConfig),
}
"""Class and configuration by the name of the class, which the header of an own file holds."""


def load_translator(weights: str | Path, name: str, untold: Untold | None = None) -> Translator:
    """The translator of a file, in float32, ready for evaluation.

    Args:
        weights: the project's own file or an official one; a path, or the name of a shipped file.
        name: the method that wants it, and the kind of translator it must be.
        untold: what official files do not tell; own ones do.

    Raises:
        UserError: it is missing, damaged, refused, of no known form, another kind of translator, or
            does not fit its form.
    """
    file = Path(weights) if Path(weights).exists() else ASSETS / weights
    if not file.is_file():
        raise UserError(
            f"method.weights={weights}: there is no such file, neither here nor in {ASSETS}."
        )
    data = map_file(file)
    own = is_safetensors(data) and is_own(file)
    made = _own(file, name) if own else _official(file, data, untold or Untold())
    if made.name != name:
        raise UserError(
            f"method={name} method.weights={weights}: this is another translator's file; take "
            f"method={made.name}."
        )
    return made


def _own(file: Path, name: str) -> Translator:
    content = read_generator(file, name, "method")
    if content.kind not in NETWORKS:
        raise refuse(file, f"its class '{content.kind}' is none of {', '.join(NETWORKS)}")
    network, config = NETWORKS[content.kind]
    try:
        told = content.architecture | {"attributes": tuple(content.architecture["attributes"])}
        made: Translator = network(config(**told))
        made.load_state_dict(content.tensors)
    except MISFITS as error:
        why = reason(error)[:200]
        raise refuse(file, f"its tensors do not fit its architecture ({why})") from error
    return made.eval().requires_grad_(False)


def _official(file: Path, data: memoryview, untold: Untold) -> Translator:
    content = read_content(file, data)
    try:
        form = next((form for form in FORMS if form.recognise(content)), None)
        if form is not None:
            return form.build(content, untold)
    except UserError as error:
        raise refuse(file, str(error).rstrip(".")) from error
    except MISFITS as error:
        raise refuse(file, f"it does not fit ({reason(error)[:200]})") from error
    known = ", ".join(form.name for form in FORMS)
    shown = ", ".join(name[:60] for name in list(content)[:4]) or "none"
    raise refuse(file, f"its entries ({shown}, ...) are of no translator known here ({known})")
