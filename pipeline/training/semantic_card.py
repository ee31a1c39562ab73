"""The card beside the small SemanticStyleGAN: what it is, where it comes from, how good it is."""

from collections.abc import Mapping
from typing import Any

from pipeline.datasets.grouped_faces import CLASSES, GROUPS
from pipeline.errors import UserError
from pipeline.evaluators.cards import table
from pipeline.training.semantic_quality import LEAST_AGREEMENT, SemanticQuality

NEEDED = {
    *("architecture", "recipe", "data", "images", "seed", "processes", "device", "command"),
    *("exported_by", "w_avg_samples"),
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
            "scripts/export_semantic_stylegan.py."
        )


def semantic_card(quality: SemanticQuality, p: Mapping[str, Any], command: str) -> str:
    """A card in Markdown.

    Args:
        quality: of its samples.
        p: provenance of the generator file, as ``scripts/export_semantic_stylegan.py`` writes it.
        command: that measured the quality.
    """
    parts = [_origin(p), _training(p), _quality(quality, command)]
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def _start(p: Mapping[str, Any]) -> str:
    """What a training consists of, in words."""
    if "teacher" in p:
        return "by lessons alone so far: soft, and nothing holds the codes of its classes apart"
    return "from what lessons left (see below)" if p.get("start") else "from random weights"


def _origin(p: Mapping[str, Any]) -> list[str]:
    network = p["architecture"]
    size, coarse = network["resolution"], network["coarse_resolution"]
    merged = (f"`{name}` ({', '.join(parts)})" for name, parts in GROUPS.items() if len(parts) > 1)
    return [
        "# SemanticStyleGAN of the embedded domain",
        f"Draws faces of {size} x {size} pixels with their masks: one local generator for each of "
        f"{len(network['classes'])} classes ({', '.join(network['classes'])}; {', '.join(merged)}) "
        f"with {network['local_layers']} layers of {network['local_channels']} channels at "
        f"{coarse} x {coarse}, fused by pseudo-depth, and a render network of "
        f"{', '.join(map(str, network['channels']))} channels; z and w of {network['w_dim']} "
        f"numbers. Own network code, trained {_start(p)}.",
    ]


def _training(p: Mapping[str, Any]) -> list[str]:
    data = p["data"]
    taught = p if "teacher" in p else p.get("start") or {}
    return [
        "## Training",
        f"- Data: {data['count']} rendered faces and their part maps, seed {data['seed']} "
        "(`scripts/render_procfaces.py`). Drawn by code: no photographs, no licences, no persons.",
        *([_lessons(taught)] if "teacher" in taught else []),
        *(_adversarial(p) if "teacher" not in p else []),
        f"- Images shown: {p['images']}. Seed: {p['seed']}. {p['processes']} process(es) on "
        f"{p['device']}.",
        f"- Command: `{p['command']}`, exported by `{p['exported_by']}`. The mean w is of "
        f"{p['w_avg_samples']} mapped z.",
    ]


def _lessons(taught: Mapping[str, Any]) -> str:
    recipe, teacher = taught["recipe"], taught["teacher"]
    return (
        f"- Lessons: {taught['images']} pictures of `{teacher['name']}` (weights "
        f"`{teacher['weights'][:16]}`), drawn of the same w, which that one's mapping gives; from "
        f"random weights, by Adam ({recipe['learning_rate']:g}). Weights of the errors: pixels "
        f"{recipe['pixel_weight']:g}, what a frozen regressor sees (weights `{taught['guide']}`, "
        f"none of the evaluators) {recipe['seen_weight']:g}, the factors that it reads "
        f"{recipe['factor_weight']:g}, classes by depth {recipe['depth_weight']:g}, scores "
        f"{recipe['score_weight']:g}. Command: `{taught['command']}`."
    )


def _adversarial(p: Mapping[str, Any]) -> list[str]:
    recipe = p["recipe"]
    guide = (
        f"- Guide: features of a frozen regressor (weights `{p['guide']}`, none of the evaluators) "
        f"are judged beside the pixels; weight {recipe['guide_weight']:g}, R1 "
        f"{recipe['guide_gamma']:g}."
    )
    return [
        f"- Recipe: dual-branch discriminator, alone for the first {recipe['judge_alone']} images, "
        f"non-saturating loss, batch {recipe['batch']}, Adam "
        f"{recipe['learning_rate']:g} (0, 0.99), masks {recipe['mask_weight']:g}, R1 "
        f"{recipe['r1_gamma']:g} at images and {recipe['r1_mask_gamma']:g} at masks every "
        f"{recipe['r1_interval']} steps, path length {recipe['path_weight']:g} every "
        f"{recipe['path_interval']} steps, mixing over classes {recipe['mixing']:g}, average of "
        f"the generator with a half-life of {recipe['ema_half_life']:g} images.",
        *([guide] if p.get("guide") else []),
    ]


def _quality(quality: SemanticQuality, command: str) -> list[str]:
    names = [*CLASSES, "**mean**"]
    agreement = [[n, s] for n, s in zip(names, quality.agreement, strict=True)]
    verdict = "holds" if quality.holds else "**does not hold**"
    bars = [[b.kind, b.name.replace("_", " "), b.score, b.detail] for b in quality.bars]
    return [
        "## Quality",
        f"On {quality.agreement[-1].n} samples against fresh renders; all is read by the embedded "
        "parser, regressor and features. 95 % intervals are of the samples.",
        f"Command: `{command}`.",
        "",
        "### Intersection over union of its own masks and of what the parser sees in its images",
        f"A mean of at least {LEAST_AGREEMENT:g}: {verdict}.",
        *table(["class", "agreement"], agreement),
        "",
        "### Against renders",
        "Found: share of samples in which the parser finds the part. Rate, spread (standard "
        "deviation of a factor) and distance are over those of the renders.",
        *table(["", "", "value", "numbers"], bars),
    ]
