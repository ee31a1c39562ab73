"""Architectures and recipes of SemanticStyleGAN trainings: one for a CPU, and the paper's."""

from pipeline.errors import UserError, unknown_name
from pipeline.generators.semantic_stylegan import SemanticStyleGANConfig
from pipeline.training.semantic_stylegan import Recipe

PRESETS = ("small", "paper")
SMALL_RENDER = {16: 64, 32: 48, 64: 32}
SMALL_JUDGE = {4: 96, 8: 96, 16: 64, 32: 40, 64: 20}
SMALL_MASK_JUDGE = {4: 96, 8: 64, 16: 48, 32: 32, 64: 16}
SMALL_SIZES = (16, 32, 64)
PAPER_SIZES = (128, 256, 512, 1024)
PAPER_START = 16


def preset(
    name: str, size: int, classes: tuple[str, ...], transparent: tuple[str, ...] = ()
) -> tuple[SemanticStyleGANConfig, Recipe]:
    """Architecture and recipe by name, for images of a size and their classes.

    Raises:
        UserError: there is no such preset, or it is not for this size.
    """
    if name not in PRESETS:
        raise unknown_name("preset", name, PRESETS)
    sizes = SMALL_SIZES if name == "small" else PAPER_SIZES
    if size not in sizes:
        allowed = ", ".join(map(str, sizes))
        raise UserError(f"The preset '{name}' is for images of {allowed} px; these have {size}.")
    make = _small if name == "small" else _paper
    return make(size, classes, transparent)


def _small(
    size: int, classes: tuple[str, ...], transparent: tuple[str, ...]
) -> tuple[SemanticStyleGANConfig, Recipe]:
    """About 0.6 million parameters; local generators work at half the size."""
    config = SemanticStyleGANConfig(
        resolution=size,
        classes=classes,
        channels=tuple(width for s, width in SMALL_RENDER.items() if s <= size),
        transparent=transparent,
        coarse_resolution=max(size // 2, 16),
        local_channels=32,
        feature_channels=64,
        local_layers=6,
        base_layers=2,
        depth_layers=4,
        z_dim=128,
        w_dim=128,
        mapping_layers=5,
    )
    recipe = Recipe(
        judge_channels=_up_to(size, SMALL_JUDGE),
        mask_judge_channels=_up_to(size, SMALL_MASK_JUDGE),
        batch=8,
        r1_gamma=0.5,
        r1_mask_gamma=20.0,
        path_interval=8,
    )
    return config, recipe


def _paper(
    size: int, classes: tuple[str, ...], transparent: tuple[str, ...]
) -> tuple[SemanticStyleGANConfig, Recipe]:
    rendered = [PAPER_START << (i + 1) for i in range((size // PAPER_START).bit_length() - 1)]
    config = SemanticStyleGANConfig(
        resolution=size,
        classes=classes,
        channels=tuple(_paper_channels(s) for s in rendered),
        transparent=transparent,
    )
    judge = tuple(_paper_channels(4 << i) for i in range(size.bit_length() - 2))
    return config, Recipe(judge, judge)


def _paper_channels(size: int) -> int:
    """StyleGAN2's channels of a resolution (configuration F)."""
    return min(512, 32768 // size)


def _up_to(size: int, channels: dict[int, int]) -> tuple[int, ...]:
    return tuple(width for s, width in channels.items() if s <= size)
