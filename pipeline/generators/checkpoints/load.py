"""The one way in: a file of any known form becomes a generator, without running its code."""

import logging
from dataclasses import dataclass
from pathlib import Path

from pipeline.disk import reason
from pipeline.errors import UserError
from pipeline.generators.base import Generator
from pipeline.generators.checkpoints import (
    biggan,
    pggan,
    pix2pixhd,
    semantic_stylegan,
    stylegan,
    stylegan2,
    stylegan3,
)
from pipeline.generators.checkpoints.files import (
    MISFITS,
    is_safetensors,
    map_file,
    read_content,
    refuse,
)
from pipeline.generators.checkpoints.form import Content, Form
from pipeline.generators.checkpoints.own import OWN, is_own, load_own
from pipeline.generators.label_folder import LabelFolder
from pipeline.generators.pix2pixhd import Pix2PixHD
from pipeline.generators.style_based import StyleBased

log = logging.getLogger(__name__)

FORMS: tuple[Form, ...] = (
    *stylegan2.FORMS,
    *stylegan3.FORMS,
    *stylegan.FORMS,
    *pggan.FORMS,
    *biggan.FORMS,
    *pix2pixhd.FORMS,
    *semantic_stylegan.FORMS,
)
"""Every foreign form; the first that recognises a file builds its network."""


@dataclass(frozen=True)
class Checkpoint:
    """A generator and the form of the file it came from."""

    form: str
    generator: Generator


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a file of any known form; what it is follows from its content alone.

    No code of the file runs, and what is allocated is bounded by the file's size.

    Args:
        path: the file.

    Raises:
        UserError: it is missing, damaged, refused, of no known form, or does not fit its form.
    """
    file = Path(path)
    data = map_file(file)
    if is_safetensors(data) and is_own(file):
        return Checkpoint(OWN, load_own(file))
    content = read_content(file, data)
    form = _form(file, content)
    try:
        return Checkpoint(form.name, form.build(content))
    except UserError as error:
        raise refuse(file, str(error).rstrip(".")) from error
    except MISFITS as error:
        why = f"it looks like {form.name} but does not fit ({reason(error)[:200]})"
        raise refuse(file, why) from error


def load_checkpoint(
    checkpoint: str | Path | None,
    name: str = "checkpoint",
    truncation_psi: float = 1.0,
    truncation_cutoff: int | None = None,
    label_maps: str | Path | None = None,
) -> Generator:
    """The generator of a file of any known form, in float32, ready for evaluation.

    Args:
        checkpoint: the file.
        name: the name the generator goes by.
        truncation_psi: pull of w towards its mean, where the architecture has one.
        truncation_cutoff: truncate only the first so many w+ layers; None truncates all.
        label_maps: the folder of maps that a pix2pixHD paints (:class:`LabelFolder`).

    Raises:
        UserError: the file cannot be used (:func:`read_checkpoint`), or the truncation or the label
            maps do not fit the architecture.
    """
    if checkpoint is None:
        raise UserError(f"generator={name} needs a file of weights: add generator.checkpoint=PATH.")
    generator = read_checkpoint(checkpoint).generator
    generator.name = name
    _truncate(generator, truncation_psi, truncation_cutoff)
    if label_maps is not None:
        _paint(generator, label_maps)
    return generator


def _form(path: Path, content: Content) -> Form:
    """The first form that recognises a content."""
    for form in FORMS:
        try:
            if form.recognise(content):
                return form
        except UserError as error:
            raise refuse(path, str(error).rstrip(".")) from error
        except MISFITS as error:
            raise refuse(path, f"it is no proper {form.name} ({reason(error)[:200]})") from error
    shown = ", ".join(name[:60] for name in list(content)[:4]) or "none"
    known = ", ".join(form.name for form in FORMS)
    raise refuse(
        path,
        f"it can be read, but its {len(content)} entries ({shown}, ...) are of none of the known "
        f"forms: {known}",
    )


def _paint(generator: Generator, folder: str | Path) -> None:
    """Give a pix2pixHD the label maps of a folder."""
    if not isinstance(generator, Pix2PixHD):
        raise UserError(
            f"generator={generator.name} is a {type(generator).__name__}, which paints no label "
            "maps: leave generator.label_maps=null."
        )
    maps = LabelFolder(folder, generator.resolution)
    if not maps.instances:
        log.warning(
            "generator.label_maps=%s: no instance maps; all %d input channels are taken as classes",
            folder,
            generator.config.input_channels,
        )
    generator.label_maps = maps


def _truncate(generator: Generator, psi: float, cutoff: int | None) -> None:
    if psi == 1 and cutoff is None:
        return
    if not isinstance(generator, StyleBased):
        raise UserError(
            f"generator={generator.name} is a {type(generator).__name__}, which has no mean w: "
            "leave truncation_psi=1 and truncation_cutoff=null."
        )
    layers = generator.num_ws
    if cutoff is not None and not 0 <= cutoff <= layers:
        raise UserError(
            f"truncation_cutoff={cutoff} must lie in 0..{layers}, the number of w+ layers, or be "
            "null for all of them."
        )
    generator.truncation_psi, generator.truncation_cutoff = psi, cutoff
