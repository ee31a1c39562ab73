"""Adaptation of a SemanticStyleGAN to images without masks."""

import sys
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageStat

from pipeline.datasets.grouped_faces import CLASSES
from pipeline.generators.checkpoints.own import save_own
from pipeline.generators.semantic_stylegan import SemanticStyleGAN
from pipeline.training.loop import read_description
from pipeline.training.semantic_adaptation import (
    Pictures,
    SemanticAdaptation,
    read_semantic_stylegan,
)
from pipeline.training.semantic_losses import mask_loss
from pipeline.training.semantic_stylegan import Recipe, build, train_step
from scripts import adapt_semantic_stylegan, draw_procfaces
from tests.training.faces import Run
from tests.training.test_semantic_stylegan import CONFIG, RECIPE

IMAGES_ALONE = Recipe(RECIPE.judge_channels, RECIPE.mask_judge_channels, batch=4, mask_weight=0.0)


@pytest.fixture(scope="module")
def drawings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("drawings")
    patch = pytest.MonkeyPatch()
    arguments = ["--out", str(folder), "--count", "12", "--size", "16"]
    patch.setattr(sys, "argv", ["draw_procfaces.py", *arguments])
    assert draw_procfaces.main() == 0
    patch.undo()
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    file = tmp_path_factory.mktemp("finished") / "finished.safetensors"
    save_own(SemanticStyleGAN(CONFIG), file, {}, torch.float32)
    return file


def adaptation(
    data: Path, out: Path, start: Path, images: int, learns: str = "all"
) -> SemanticAdaptation:
    return SemanticAdaptation(
        data,
        out,
        CONFIG,
        IMAGES_ALONE,
        images,
        save_every=8,
        snapshot_every=16,
        wandb="disabled",
        finished=start,
        learns=learns,
    )


def test_drawings_are_of_ink_on_paper(drawings: Path) -> None:
    with Image.open(drawings / "00011.png") as drawing:
        assert (drawing.size, drawing.mode) == ((16, 16), "RGB")
        red, _, blue = ImageStat.Stat(drawing).mean
    assert red > 1.05 * blue
    pictures = Pictures(drawings, 16)
    assert len(pictures) == 12
    images = pictures.images(torch.tensor([11, 0, 11]))
    assert torch.equal(images[0], images[2]) and not torch.equal(images[0], images[1])


@pytest.mark.parametrize("learns", ["all", "appearance"])
def test_it_begins_with_the_finished_generator_and_resumes(
    drawings: Path, finished: Path, tmp_path: Path, learns: str
) -> None:
    begun = adaptation(drawings, tmp_path / "a", finished, 16, learns).begin()
    torch.manual_seed(3)
    weights = SemanticStyleGAN(CONFIG).state_dict()
    for network in (begun.generator, begun.ema):
        assert all(torch.equal(v, weights[k]) for k, v in network.state_dict().items())
    assert adaptation(drawings, tmp_path / "a", finished, 16, learns).run()
    assert adaptation(drawings, tmp_path / "b", finished, 8, learns).run()
    assert adaptation(drawings, tmp_path / "b", finished, 16, learns).run()
    kept = [torch.load(tmp_path / out / "checkpoint.pt") for out in "ab"]
    for network in ("generator", "discriminator", "ema"):
        assert all(torch.equal(v, kept[1][network][k]) for k, v in kept[0][network].items())
    assert read_description(tmp_path / "a")["adapted"]["name"] == "finished"


@pytest.mark.parametrize(("learns", "kept"), [("appearance", True), ("all", False)])
def test_depths_and_coarse_masks_stay_where_the_appearance_learns(
    drawings: Path, finished: Path, tmp_path: Path, learns: str, kept: bool
) -> None:
    training = adaptation(drawings, tmp_path, finished, 16, learns)
    before = training.begin().generator
    assert training.run()
    after = training.begin()
    after.load(tmp_path / "checkpoint.pt")
    codes = before.sample(3, torch.Generator().manual_seed(0))
    made = [network.compose(codes) for network in (before, after.ema)]
    assert torch.equal(made[0].coarse, made[1].coarse) is kept
    assert torch.equal(made[0].depths, made[1].depths) is kept
    assert not torch.equal(made[0].images, made[1].images)
    own, kept_noise = (
        [p for name, p in network.named_parameters() if name.endswith("noise_strength")]
        for network in (after.generator, after.ema)
    )
    assert any(strength != 0 for strength in own)
    assert all(strength == 0 for strength in kept_noise) is kept


def test_the_shipped_network_goes_by_its_name() -> None:
    shipped = read_semantic_stylegan(SemanticAdaptation.finished)
    assert shipped.config.classes == CLASSES and shipped.name == "semantic_stylegan_procfaces"


def test_images_are_all_that_is_judged() -> None:
    """The mask branch stays as it was, and nothing ties the masks together any more."""
    state = build(CONFIG, IMAGES_ALONE, 0)
    judge = state.discriminator
    kept = {k: v.clone() for k, v in judge.named_parameters()}
    torch.manual_seed(0)
    losses = train_step(state, torch.rand(4, 3, 16, 16) * 2 - 1, None, IMAGES_ALONE)
    assert "r1" in losses and "r1_masks" not in losses
    changed = {k for k, v in judge.named_parameters() if not torch.equal(v, kept[k])}
    assert any(k.startswith("image_branch") for k in changed)
    assert not any(k.startswith("mask_branch") for k in changed)


def test_the_mask_weight_is_what_ties_the_masks() -> None:
    images = torch.rand(4, 3, 16, 16) * 2 - 1

    def distance_left(weight: float) -> float:
        recipe = Recipe(
            RECIPE.judge_channels, RECIPE.mask_judge_channels, 4, mask_weight=weight, autocast=False
        )
        state = build(CONFIG, recipe, 0)
        torch.manual_seed(0)
        codes = state.generator.sample(4, torch.Generator().manual_seed(0))
        before = state.generator.compose(codes, "none")
        for _ in range(10):
            torch.manual_seed(1)
            train_step(state, images, None, recipe)
        after = state.generator.compose(codes, "none")
        losses = [mask_loss(made.scores, made.coarse).item() for made in (before, after)]
        return losses[1] / losses[0]

    assert distance_left(100.0) < 0.9 * distance_left(0.0)


def test_script(
    drawings: Path, finished: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "adapted"
    given = ("--data", drawings, "--out", out, "--images", 8, "--batch", 4, "--judge-alone", 4)
    assert run(adapt_semantic_stylegan.main, *given, "--start", finished) == 0
    described = read_description(out)
    assert (described["learns"], described["recipe"]["mask_weight"]) == ("appearance", 100)
    assert described["data"]["count"] == 12
    all_of_it = (*given[:2], "--out", tmp_path / "all", *given[4:], "--learns", "all")
    assert run(adapt_semantic_stylegan.main, *all_of_it, "--start", finished) == 0
    described = read_description(tmp_path / "all")
    assert (described["learns"], described["recipe"]["mask_weight"]) == ("all", 0)
    capsys.readouterr()
    assert run(adapt_semantic_stylegan.main, *given, "--start", tmp_path / "none.pt") == 2
    assert "none.pt" in capsys.readouterr().err
    assert run(adapt_semantic_stylegan.main, *given, "--start", "stylegan2_procfaces") == 2
    assert capsys.readouterr().err.startswith("error: ")
