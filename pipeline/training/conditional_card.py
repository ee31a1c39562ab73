"""The cards beside the small conditional generators."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from pipeline.datasets.procfaces.parts import PARTS
from pipeline.errors import UserError
from pipeline.evaluators.cards import table
from pipeline.evaluators.quality import Score
from pipeline.training.conditional import ClassQuality, PaintingQuality
from pipeline.training.quality import LEAST_SPREAD, Bar

NEEDED = {
    *("architecture", "recipe", "data", "images", "seed", "processes", "device", "command"),
    *("exported_by", "rounding"),
}
"""What a card tells of the training."""


def check_provenance(provenance: Mapping[str, Any]) -> None:
    """Refuse a generator file that does not tell enough for a card.

    Raises:
        UserError: something is missing.
    """
    if missing := sorted(NEEDED - provenance.keys()):
        raise UserError(
            f"The generator file does not tell its {', '.join(missing)}: make it with "
            "scripts/export_conditional.py."
        )


def biggan_card(quality: ClassQuality, p: Mapping[str, Any], command: str) -> str:
    """The card of a BigGAN, from its quality, its file's provenance and the command that measured.

    Markdown.
    """
    network, recipe = p["architecture"], p["recipe"]
    title = [
        "# BigGAN of the embedded domain",
        f"Draws faces of {4 * 2 ** (len(network['channels']) - 1)} pixels of {len(p['classes'])} "
        f"classes: a BigGAN with {_list(network['channels'])} channels from 4 x 4 up, attention "
        f"before block {_list(network['attention'])}, a hierarchical z of {network['z_dim']} "
        f"numbers and class embeddings of {network['shared_dim']}. Own network code, trained from "
        f"random weights. Classes: {_list(f'`{c}` ({i})' for i, c in enumerate(p['classes']))}; "
        "hair is long above the middle of its range, and does not count with a beard; all classes "
        "are drawn equally often, in training and by default. To edit it: `python run.py "
        "method=resefa method.space=z region=mouth generator=biggan_procfaces`.",
    ]
    how = [
        "- Recipe: a supervised beginning. Renders are reconstructed from codes that hold the "
        "factors they were drawn from, made normal within their class and rotated chunk by chunk "
        f"(weight {recipe['reconstruction_weight']:g} of the mean absolute error of values and "
        f"edges): all images until image {recipe['adversary_from']}, "
        f"then {recipe['reconstructed']:.0%} of each batch beside samples of the prior, and from "
        "there on a discriminator with projections on the class, non-saturating loss, R1 "
        f"{recipe['r1_gamma']:g} every {recipe['r1_interval']} steps. Batch {recipe['batch']}, "
        f"Adam (0, 0.99), rate {recipe['generator_rate']:g} and "
        f"{recipe['discriminator_rate']:g}, average of the generator with a half-life of "
        f"{recipe['ema_half_life']:g} images, norms settled over its samples.",
        *(
            [
                f"- Guide: features of a frozen regressor (weights `{p['guide']}`, none of the "
                f"evaluators) are judged beside the pixels from image "
                f"{max(recipe['guide_from'], recipe['adversary_from'])} on; weight "
                f"{recipe['guide_weight']:g}, R1 {recipe['guide_gamma']:g}."
            ]
            if p.get("guide")
            else []
        ),
    ]
    rows = [
        [name, score, ceiling]
        for name, score, ceiling in zip(
            [*p["classes"], "**all**"], quality.classes, quality.renders, strict=True
        )
    ]
    numbers = [
        f"On {quality.classes[-1].n} samples, equally many of every class, against "
        f"{quality.renders[-1].n} fresh renders of the same classes.",
        "",
        "### Samples that the regressor reads as of their class",
        *table(["class", "samples", "renders"], rows),
        *_bars(quality.bars),
    ]
    return _card([*title, "", *_training(p, how), "", *_quality(numbers, command)])


def pix2pixhd_card(quality: PaintingQuality, p: Mapping[str, Any], command: str) -> str:
    """The card of a pix2pixHD, as :func:`biggan_card`."""
    network, recipe = p["architecture"], p["recipe"]
    title = [
        "# pix2pixHD of the embedded domain",
        f"Paints maps of {network['input_channels']} parts ({_list(PARTS)}) as faces of "
        f"{network['resolution']} pixels: a global generator with {network['base_channels']} "
        f"channels at full size, {network['downsamplings']} halvings and {network['blocks']} "
        "residual blocks. Own network code, trained from random weights. A map says nothing of "
        "colours and light: the network paints every map in one way. The maps it paints by "
        "default are of faces drawn by the renderer, of another seed than those of its training.",
    ]
    how = [
        f"- Recipe: {recipe['scales']} patch discriminators ({recipe['judge_layers']} halvings, "
        f"{recipe['judge_channels']} channels first) of map and image, least-squares loss, feature "
        f"matching {recipe['matching_weight']:g}, mean absolute error "
        f"{recipe['pixel_weight']:g} in place of a perceptual loss, no instance maps; batch "
        f"{recipe['batch']}, Adam (0.5, 0.999), rate {recipe['learning_rate']:g}, average of the "
        f"generator with a half-life of {recipe['ema_half_life']:g} pairs."
    ]
    names = [*PARTS, "**mean**"]
    rows = zip(names, quality.parts, quality.renders, strict=True)
    numbers = [
        f"On {quality.parts[-1].n} maps of fresh renders.",
        "",
        "### Intersection over union of the map and of what the parser sees, pixels pooled",
        *table(["part", "paintings", "the renders themselves"], [list(row) for row in rows]),
        *_bars(quality.bars),
    ]
    return _card([*title, "", *_training(p, how), "", *_quality(numbers, command)])


def scores(names: Sequence[str], values: Sequence[Score]) -> dict[str, Any]:
    """Scores by name, as JSON can hold them."""
    return {name: vars(score) for name, score in zip(names, values, strict=True)}


def _training(p: Mapping[str, Any], how: Sequence[str]) -> list[str]:
    data, moved = p["data"], p["rounding"]
    return [
        "## Training",
        f"- Data: {data['count']} rendered faces, seed {data['seed']} "
        "(`scripts/render_procfaces.py`). Drawn by code: no photographs, no licences, no persons.",
        *how,
        f"- Images shown: {p['images']}. Seed: {p['seed']}. {p['processes']} process(es) on "
        f"{p['device']}.",
        f"- Command: `{p['command']}`, exported by `{p['exported_by']}`.",
        f"- Half precision moves pixels by {moved['mean']:.3f} grey levels on average and "
        f"{moved['max']:.2f} at most ({moved['n']} samples).",
    ]


def _quality(numbers: Sequence[str], command: str) -> list[str]:
    return [
        "## Quality",
        "All is read by the embedded parser, regressor and features; 95 % intervals are of the "
        "samples, the data counts as known.",
        f"Command: `{command}`.",
        *numbers,
    ]


def _bars(bars: Sequence[Bar]) -> list[str]:
    """The distance, what is found, rates, and the spreads in short."""
    spreads = [bar.score.value for bar in bars if bar.kind == "spread"]
    wide = sum(value >= LEAST_SPREAD for value in spreads)
    rows = [
        [bar.kind, bar.name.replace("_", " "), bar.score, bar.detail]
        for bar in bars
        if bar.kind != "spread"
    ]
    detail = f"{wide} of {len(spreads)} readable factors at least {LEAST_SPREAD:g}"
    rows.append(["spread", "median", f"{median(spreads):.3f}", detail])
    return [
        "",
        "### Against renders",
        "Found: share of samples in which the parser finds the part. Rate, spread (standard "
        "deviation of a factor) and distance are over those of the renders.",
        *table(["", "", "value", "numbers"], rows),
    ]


def _list(items: Any) -> str:
    return ", ".join(map(str, items))


def _card(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
