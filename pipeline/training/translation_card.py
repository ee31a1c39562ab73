"""The cards beside the small translators."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.evaluators.cards import table
from pipeline.metrics.base import Estimate
from pipeline.training.conditional_card import check_provenance
from pipeline.training.translation_quality import Kept

ABOUT = {
    "stargan": (
        "StarGAN",
        "{channels} channels at full size, {halvings} halvings, {blocks} residual blocks, the "
        "vector spread over all pixels of the input",
    ),
    "attgan": (
        "AttGAN",
        "an encoder of {layers} layers from {channels} channels on, the vector beside its last "
        "features and after {injections} layer(s) of the decoder, {shortcuts} shortcut(s)",
    ),
}
"""Name and architecture in words."""


def translator_card(
    kind: str, rows: Sequence[Kept], provenance: Mapping[str, Any], command: str
) -> str:
    """The card of a translator, Markdown.

    Args:
        kind: ``stargan`` or ``attgan``.
        rows: what it does.
        provenance: of its file.
        command: what measured.

    Raises:
        UserError: the file does not tell enough.
    """
    check_provenance(provenance)
    name, about = ABOUT[kind]
    network = provenance["architecture"]
    lines = [
        f"# {name} of the embedded domain",
        f"Translates faces of {network['resolution']} pixels to other attributes "
        f"({', '.join(network['attributes'])}): {about.format(**network)}. Own network code, "
        "trained from random weights. An attribute is had where its factor lies above the mean of "
        f"the data. To edit with it: `python run.py method={kind} attribute=smile`.",
        "",
        *_training(provenance),
        "",
        *_quality(rows, command),
    ]
    return "\n".join(lines) + "\n"


def _training(p: Mapping[str, Any]) -> list[str]:
    data, recipe, moved = p["data"], p["recipe"], p["rounding"]
    alone = recipe["adversary_from"]
    begun = f", which is alone until image {alone}" if alone else ""
    return [
        "## Training",
        f"- Data: {data['count']} rendered faces, seed {data['seed']} "
        "(`scripts/render_procfaces.py`). Drawn by code: no photographs, no licences, no persons.",
        f"- Recipe: a critic ({recipe['critic_layers']} halvings, {recipe['critic_channels']} "
        f"channels first) with Wasserstein loss, gradient penalty {recipe['penalty_weight']:g} and "
        f"classification {recipe['critic_class_weight']:g}, {recipe['critic_steps']} steps of it "
        f"to one of the translator; classification of what is translated "
        f"{recipe['class_weight']:g}, mean absolute error of going there and back "
        f"{recipe['cycle_weight']:g}, and of translating a picture to what it is already "
        f"{recipe['reconstruction_weight']:g}{begun}; batch {recipe['batch']}, Adam (0.5, "
        f"0.999), rates {recipe['learning_rate']:g} and {recipe['critic_rate']:g}, average of the "
        f"translator with a half-life of {recipe['ema_half_life']:g} pictures.",
        f"- Images shown: {p['images']}. Seed: {p['seed']}. {p['processes']} process(es) on "
        f"{p['device']}.",
        f"- Command: `{p['command']}`, exported by `{p['exported_by']}`.",
        f"- Half precision moves pixels by {moved['mean']:.3f} grey levels on average and "
        f"{moved['max']:.2f} at most ({moved['n']} pictures).",
    ]


def _quality(rows: Sequence[Kept], command: str) -> list[str]:
    head = ["translation", "change", "most unwanted", "MSE outside, 10⁻³", "SSIM", "ID (embedded)"]
    return [
        "## Quality",
        f"Fresh renders, read by the embedded regressor, parser and identity; of {rows[0].ssim.n} "
        "faces those that lack an attribute are given it (+1), and it is taken from the others "
        "(-1). Changes are in standard deviations of the data; outside is outside of the parts "
        "that the attribute belongs to (of everything but the background for the whole face), and "
        "for the reconstruction everywhere. 95 % intervals over faces.",
        f"Command: `{command}`.",
        *table(head, [_line(row) for row in rows]),
    ]


def _line(row: Kept) -> list[str]:
    name, most = row.unwanted
    return [
        row.what.replace("_", " "),
        "" if row.change is None else _shown(row.change, 2),
        f"{name.replace('_', ' ')} {most.value:+.2f}",
        _shown(row.mse_out, 2, 1000),
        _shown(row.ssim, 3),
        _shown(row.identity, 3),
    ]


def _shown(estimate: Estimate, digits: int, scale: float = 1) -> str:
    value, low, high = (scale * x for x in (estimate.value, *estimate.ci95))
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
