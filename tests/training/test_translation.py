"""Training of translators: labels, losses, resuming; the scripts, their file and its card."""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from pipeline.datasets.attribute_faces import AttributeFaces
from pipeline.datasets.procfaces.dataset import RenderedFaces
from pipeline.datasets.procfaces.factors import NAMES
from pipeline.errors import UserError
from pipeline.evaluators.embedded import EmbeddedIdentity
from pipeline.generators.checkpoints.own import save_own
from pipeline.records import read_metrics
from pipeline.training import translation_quality
from pipeline.training.translation import (
    ATTGAN,
    STARGAN,
    Recipe,
    TranslatorTraining,
    build,
    classification,
    flips,
    gradient_penalty,
    train_step,
)
from pipeline.training.translation_quality import Readers, faces, quality
from pipeline.translators.attgan import AttGANConfig
from pipeline.translators.files import load_translator
from pipeline.translators.stargan import StarGANConfig
from scripts import evaluate_translator, export_translator, train_translator
from tests.training.faces import small_faces, untrained_readers

Config = StarGANConfig | AttGANConfig
NAMED = ("age", "smile")
STAR = StarGANConfig(
    attributes=NAMED, resolution=16, domain="procfaces", channels=4, blocks=1, halvings=1
)
ATT = AttGANConfig(attributes=NAMED, resolution=16, domain="procfaces", channels=4, layers=2)
KINDS = [(STAR, STARGAN), (ATT, ATTGAN)]
SETTINGS = {"images": 24, "save_every": 8, "snapshot_every": 24, "wandb": "disabled"}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_faces(tmp_path_factory.mktemp("faces"))


def small_recipe(recipe: Recipe) -> Recipe:
    small = {"batch": 4, "critic_channels": 4, "critic_layers": 2, "adversary_from": 0}
    return replace(recipe, autocast=False, **small)


def training(
    data: Path, out: Path, config: Config, recipe: Recipe, images: int = 24
) -> TranslatorTraining:
    options = SETTINGS | {"images": images}
    return TranslatorTraining(data, out, config, small_recipe(recipe), **options)  # type: ignore[arg-type]


def test_a_face_has_what_is_above_the_mean(data: Path) -> None:
    found, index = AttributeFaces(data, NAMED), torch.arange(32)
    factors = RenderedFaces(data).factors(index)[:, [NAMES.index(name) for name in NAMED]]
    torch.testing.assert_close(found.means, factors.mean(0))
    assert torch.equal(found.labels(index), (factors > factors.mean(0)).float())
    assert 0.2 < found.labels(index).mean() < 0.8
    assert found.images(index[:3]).shape == (3, 3, 16, 16)
    with pytest.raises(UserError, match="attribute=smile"):
        AttributeFaces(data, ["smyle"])


@pytest.mark.parametrize(("config", "recipe"), KINDS)
def test_half_and_half_is_the_whole_bit_by_bit(
    data: Path, tmp_path: Path, config: Config, recipe: Recipe
) -> None:
    straight = training(data, tmp_path / "straight", config, recipe)
    assert straight.run()
    for images in (12, 24):
        assert training(data, tmp_path / "resumed", config, recipe, images).run()
    saved = [torch.load(tmp_path / n / "checkpoint.pt") for n in ("straight", "resumed")]
    for network in ("generator", "discriminator", "ema"):
        first, second = (content[network] for content in saved)
        assert all(torch.equal(first[name], second[name]) for name in first)
    with Image.open(tmp_path / "straight" / "sheet_00000k.png") as sheet:
        assert sheet.height > 4 * 16  # faces, themselves again, two attributes
    assert not any("fd" in k for row in read_metrics(straight.out / "training.jsonl") for k in row)


@pytest.mark.parametrize(("config", "recipe"), KINDS)
def test_steps_lower_the_losses(data: Path, config: Config, recipe: Recipe) -> None:
    found = AttributeFaces(data, NAMED)
    rates = {"learning_rate": 5e-3, "critic_rate": 5e-3}
    quick = replace(small_recipe(recipe), critic_steps=1, batch=16, **rates)  # type: ignore[arg-type]
    state = build(config, quick, 0)
    torch.manual_seed(0)
    index = torch.arange(16)
    batch = found.images(index), found.labels(index)
    losses = [train_step(state, *batch, quick) for _ in range(50)]
    for name in ("reconstruction", "classes"):
        assert sum(x[name] for x in losses[-5:]) < 0.8 * sum(x[name] for x in losses[:5])


def test_the_translator_waits_for_its_turn(data: Path) -> None:
    found, recipe = AttributeFaces(data, NAMED), replace(small_recipe(STARGAN), critic_steps=3)
    state, index = build(STAR, recipe, 0), torch.arange(4)
    seen = [train_step(state, found.images(index), found.labels(index), recipe) for _ in range(6)]
    assert ["reconstruction" in losses for losses in seen] == [False, False, True] * 2
    assert state.images == 24


def test_in_the_beginning_pictures_are_kept_and_the_critic_waits(data: Path) -> None:
    found, recipe = AttributeFaces(data, NAMED), replace(small_recipe(STARGAN), adversary_from=8)
    state, index = build(STAR, recipe, 0), torch.arange(4)
    critic = {name: value.clone() for name, value in state.discriminator.state_dict().items()}
    for images in (4, 8):
        losses = train_step(state, found.images(index), found.labels(index), recipe)
        assert (set(losses), state.images) == ({"reconstruction"}, images)
    after = state.discriminator.state_dict()
    assert all(torch.equal(after[name], value) for name, value in critic.items())
    assert "penalty" in train_step(state, found.images(index), found.labels(index), recipe)


class Slope(nn.Module):
    """A critic whose score grows by so much per pixel."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.slope * images.flatten(1).sum(1, keepdim=True), images


def test_the_penalty_is_nothing_for_a_slope_of_one() -> None:
    real, fake = torch.rand(4, 3, 4, 4), torch.rand(4, 3, 4, 4)
    one = 1 / 48**0.5
    assert float(gradient_penalty(Slope(one), real, fake)) == pytest.approx(0, abs=1e-6)
    assert float(gradient_penalty(Slope(3 * one), real, fake)) == pytest.approx(4, rel=1e-5)


def test_classification_sums_over_attributes() -> None:
    logits, labels = torch.zeros(3, 2), torch.tensor([[0.0, 1], [1, 1], [0, 0]])
    assert float(classification(logits, labels)) == pytest.approx(2 * 0.693147, rel=1e-5)


def test_a_sheet_turns_every_attribute_round() -> None:
    state = build(STAR, small_recipe(STARGAN), 0)
    images, labels = torch.rand(3, 3, 16, 16), torch.tensor([[0.0, 1], [1, 1], [0, 0]])
    rows = flips(state.ema, images, labels).split(3)
    assert len(rows) == 4
    assert torch.equal(rows[0], images)
    turned = labels.clone()
    turned[:, 1] = 1 - turned[:, 1]
    torch.testing.assert_close(rows[3], state.ema(images, turned).detach())


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> Readers:
    """Evaluators with random weights."""
    shipped = untrained_readers()
    torch.manual_seed(0)
    identity = EmbeddedIdentity().eval().requires_grad_(False)
    shipped.regressor.provenance = {"readable": ["age", "smile", "yaw"]}
    found = Readers(shipped.parser, shipped.regressor, identity)
    monkeypatch.setattr(translation_quality.Readers, "load", lambda: found)
    return found


def test_quality_gives_to_those_that_lack_and_takes_from_the_others(readers: Readers) -> None:
    images = faces(12, 3, 16)
    rows = quality(build(STAR, small_recipe(STARGAN), 0).ema, images, readers)
    labels = translation_quality.read_labels(build(STAR, STARGAN, 0).ema, images, readers.regressor)
    assert rows[0].change is None and rows[0].ssim.n == 12
    for row in rows[1:]:
        name, sign = row.what.split()
        column, has = NAMED.index(name), sign == "-1"
        assert row.ssim.n == int((labels[:, column] == has).sum())
        assert row.unwanted[0] != name


def test_from_training_to_card(
    data: Path,
    tmp_path: Path,
    readers: Readers,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(main: Callable[[], int], *arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["script.py", *map(str, arguments)])
        return main()

    monkeypatch.setattr(train_translator, "BLOCKS", 1)
    small = ("--channels", 4, "--images", 16, "--attributes", *NAMED, "--wandb", "disabled")
    places = ("--data", data, "--out", tmp_path / "training")
    assert run(train_translator.main, "stargan", *places, *small) == 0
    weights = tmp_path / "faces.safetensors"
    checkpoint = tmp_path / "training" / "checkpoint.pt"
    assert run(export_translator.main, checkpoint, "--out", weights, "--compare", 2) == 0
    network = load_translator(weights, "stargan")
    assert (network.config.attributes, network.config.domain) == (NAMED, "procfaces")
    options = ("--samples", 12, "--out", tmp_path / "quality")
    assert run(evaluate_translator.main, weights, *options) == 0
    card = weights.with_suffix(".md").read_text()
    assert "StarGAN" in card and "Images shown: 16. Seed: 0." in card and "reconstruction" in card
    with Image.open(tmp_path / "quality" / "translations.png") as sheet:
        assert sheet.width > 12 * 128
    save_own(network, weights, {})
    assert run(evaluate_translator.main, weights, *options) == 2
    assert "does not tell its architecture" in capsys.readouterr().err
    assert run(train_translator.main, "stargan", *places, *small, "--attributes", "smyle") == 2
    assert "attribute=smile" in capsys.readouterr().err
