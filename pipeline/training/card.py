"""The card beside a generator: what it is, where it comes from, how good it is."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.errors import UserError
from pipeline.evaluators.cards import table
from pipeline.training.quality import Bar

HEADINGS = {
    "found": "Part found by the parser",
    "spread": "Spread of a factor over that in the data",
    "rate": "Rate over that in the data",
    "distance": "Fréchet distance over that between two halves of the data",
}

NEEDED = {
    *("architecture", "recipe", "data", "images", "seed", "processes", "device", "command"),
    *("exported_by", "w_avg_samples", "rounding"),
}
"""What a card tells of the training."""


def check_provenance(provenance: Mapping[str, Any]) -> None:
    """Refuse a generator file that does not tell enough for a card.

    Raises:
        UserError: something is missing.
    """
    if missing := sorted(NEEDED - provenance.keys()):
        raise UserError(
            f"The generator file does not tell its {', '.join(missing)}: for a card, make it with "
            "scripts/export_generator.py."
        )


def report(bars: Sequence[Bar], samples: int, seed: int, truncation_psi: float) -> dict[str, Any]:
    """Bars as JSON can hold them, with what they were measured on."""
    rows = [
        {
            "kind": bar.kind,
            "name": bar.name,
            "value": bar.score.value,
            "ci95": [bar.score.low, bar.score.high],
            "n": bar.score.n,
            "allowed": list(bar.allowed),
            "holds": bar.holds,
            "detail": bar.detail,
        }
        for bar in bars
    ]
    about = {"samples": samples, "seed": seed, "truncation_psi": truncation_psi}
    return {**about, "holds": all(bar.holds for bar in bars), "bars": rows}


def card(quality: Mapping[str, Any], provenance: Mapping[str, Any], command: str) -> str:
    """A card in Markdown.

    Args:
        quality: what :func:`report` gave.
        provenance: of the generator file, as ``scripts/export_generator.py`` writes it.
        command: that measured the quality.
    """
    return "\n".join([*_origin(provenance), "", *_quality(quality, command)]) + "\n"


def _origin(p: Mapping[str, Any]) -> list[str]:
    network, recipe, data = p["architecture"], p["recipe"], p["data"]
    channels = ", ".join(map(str, network["channels"]))
    return [
        "# StyleGAN2 of the embedded domain",
        f"Draws faces of {network['resolution']} x {network['resolution']} pixels: a StyleGAN2 "
        f"with {channels} channels from 4 x 4 up, {network['mapping_layers']} mapping layers, "
        f"z of {network['z_dim']} and w of {network['w_dim']} numbers. Own network code, trained "
        "from random weights.",
        "",
        "## Training",
        f"- Data: {data['count']} rendered faces, seed {data['seed']} "
        "(`scripts/render_procfaces.py`). Drawn by code: no photographs, no licences, no persons.",
        f"- Recipe: non-saturating loss, batch {recipe['batch']}, Adam {recipe['learning_rate']:g} "
        f"(0, 0.99), R1 {recipe['r1_gamma']:g} every {recipe['r1_interval']} steps, path length "
        f"{recipe['path_weight']:g} every {recipe['path_interval']} steps, style mixing "
        f"{recipe['mixing']:g}, average of the generator with a half-life of "
        f"{recipe['ema_half_life']:g} images, "
        f"{'bfloat16 autocast' if recipe['autocast'] else 'float32'}.",
        *_guide(p),
        f"- Images shown: {p['images']}. Seed: {p['seed']}. {p['processes']} process(es) on "
        f"{p['device']}.",
        f"- Command: `{p['command']}`, exported by `{p['exported_by']}`.",
        f"- The mean w is of {p['w_avg_samples']} mapped z. Half precision moves pixels by "
        f"{p['rounding']['mean']:.3f} grey levels on average and {p['rounding']['max']:.2f} at "
        f"most ({p['rounding']['n']} samples).",
    ]


def _guide(p: Mapping[str, Any]) -> list[str]:
    recipe = p["recipe"]
    if not p.get("guide"):
        return []
    return [
        f"- Guide: from image {recipe['guide_from']} on, features of a frozen regressor (weights "
        f"`{p['guide']}`, none of the evaluators) are judged beside the pixels; weight "
        f"{recipe['guide_weight']:g} in the generator's loss, R1 {recipe['guide_gamma']:g} on the "
        "features. Its command stands in `scripts/train_stylegan2.py`."
    ]


def _quality(quality: Mapping[str, Any], command: str) -> list[str]:
    met = sum(bar["holds"] for bar in quality["bars"])
    lines = [
        "## Quality",
        f"{met} of {len(quality['bars'])} bars are met, on {quality['samples']} samples at "
        f"truncation psi {quality['truncation_psi']:g} against fresh renders (seed "
        f"{quality['seed']}; 95 % intervals are of the samples, the data counts as known). All is "
        "read by the embedded parser, regressor and features, off samples and renders alike.",
        f"Command: `{command}`.",
    ]
    for kind, heading in HEADINGS.items():
        rows = [_row(bar) for bar in quality["bars"] if bar["kind"] == kind]
        if rows:
            lines += ["", f"### {heading}", *table(["", "value", "allowed", "", "numbers"], rows)]
    return lines


def _row(bar: Mapping[str, Any]) -> list[str]:
    low, high = bar["ci95"]
    value = f"{bar['value']:.3f} ({low:.3f} to {high:.3f})"
    verdict = "holds" if bar["holds"] else "**does not hold**"
    return [bar["name"].replace("_", " "), value, allowed(bar["allowed"]), verdict, bar["detail"]]


def allowed(limits: Sequence[float | None]) -> str:
    """A range in words; the largest value may be infinite (None, where JSON held it)."""
    low, high = limits
    if high is None or high == float("inf"):
        return f"at least {low:.2f}"
    if low == 0:
        return f"at most {high:g}"
    return f"{low:.2f} to {high:.2f}" if high != 1 else f"at least {low:.2f}"
