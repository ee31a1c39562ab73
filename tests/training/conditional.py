"""Tiny trainings of the conditional generators."""

from pathlib import Path

from pipeline.generators.biggan import BigGANConfig
from pipeline.generators.pix2pixhd import Pix2PixHDConfig
from pipeline.training.biggan import BigGANTraining
from pipeline.training.biggan import Recipe as BigGANRecipe
from pipeline.training.loop import Training
from pipeline.training.pix2pixhd import Pix2PixHDTraining
from pipeline.training.pix2pixhd import Recipe as Pix2PixHDRecipe

BIGGAN = BigGANConfig(channels=(8, 8, 6, 4), attention=(1,), z_dim=48, num_classes=6, shared_dim=4)
BIGGAN_RECIPE = BigGANRecipe(judge_channels=(8, 8, 6, 4), batch=4, adversary_from=8, r1_interval=2)
PIX2PIXHD = Pix2PixHDConfig(
    input_channels=12, base_channels=4, downsamplings=1, blocks=1, resolution=32
)
PIX2PIXHD_RECIPE = Pix2PixHDRecipe(batch=4, judge_channels=4, judge_layers=1)
SETTINGS = {"images": 24, "save_every": 8, "snapshot_every": 24, "wandb": "disabled"}


def biggan_training(data: Path, out: Path, **changes: object) -> Training:
    settings = SETTINGS | changes
    return BigGANTraining(data, out, BIGGAN, BIGGAN_RECIPE, **settings)  # type: ignore[arg-type]


def pix2pixhd_training(data: Path, out: Path, **changes: object) -> Training:
    settings = SETTINGS | changes
    return Pix2PixHDTraining(data, out, PIX2PIXHD, PIX2PIXHD_RECIPE, **settings)  # type: ignore[arg-type]
