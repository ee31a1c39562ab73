"""Training of a SemanticStyleGAN: losses, steps, resuming, scripts."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from pipeline.datasets.grouped_faces import CLASSES, GroupedFaces
from pipeline.datasets.labelled import prepare
from pipeline.errors import UserError
from pipeline.evaluators.embedded import AttributeRegressor
from pipeline.generators.checkpoints.own import load_own
from pipeline.generators.semantic_stylegan import SemanticStyleGAN, SemanticStyleGANConfig
from pipeline.records import read_metrics
from pipeline.training.guided import Guide
from pipeline.training.semantic_losses import mask_loss, mixed_parts, r1_of_branches
from pipeline.training.semantic_presets import preset
from pipeline.training.semantic_sheet import draw_parts_sheet
from pipeline.training.semantic_stylegan import (
    Recipe,
    SemanticTraining,
    build,
    open_labelled,
    train_step,
)
from scripts import export_semantic_stylegan, train_semantic_stylegan
from tests.datasets.celebamask_cases import merged_folder
from tests.training.faces import Run, small_faces

pytestmark = pytest.mark.usefixtures("no_evaluators")

CONFIG = SemanticStyleGANConfig(
    resolution=16,
    classes=CLASSES,
    channels=(6, 4),
    coarse_resolution=8,
    local_channels=4,
    feature_channels=6,
    local_layers=4,
    base_layers=1,
    depth_layers=2,
    z_dim=8,
    w_dim=8,
    mapping_layers=2,
)
RECIPE = Recipe((8, 8, 6), (8, 6, 4), batch=4, r1_interval=3, path_interval=2, mixing=0.5)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_faces(tmp_path_factory.mktemp("faces"))


def training(data: Path, out: Path, images: int = 24, **changes: object) -> SemanticTraining:
    settings = {"save_every": 8, "snapshot_every": 24, "wandb": "disabled"} | changes
    return SemanticTraining(data, out, CONFIG, RECIPE, images, **settings)  # type: ignore[arg-type]


def test_a_killed_training_takes_the_same_steps(data: Path, tmp_path: Path) -> None:
    straight, resumed = training(data, tmp_path / "a"), training(data, tmp_path / "b")
    assert straight.run()
    assert replace(resumed, images=12).run()
    assert resumed.run()
    kept = [torch.load(t.out / "checkpoint.pt") for t in (straight, resumed)]
    for network in ("generator", "discriminator", "ema"):
        assert all(torch.equal(x, kept[1][network][k]) for k, x in kept[0][network].items())
    assert torch.equal(kept[0]["path_mean"], kept[1]["path_mean"])
    assert kept[0]["images"] == kept[1]["images"] == 24
    curves = [_curve(t, tmp_path) for t in (straight, resumed)]
    assert curves[0] == curves[1] != []
    assert (straight.out / "sheet_00000k.png").exists()


def _curve(done: SemanticTraining, folder: Path) -> list[dict[str, float]]:
    """The losses of the next steps from where a training is."""
    state, draw = done.begin(), done.batches(done.open())
    state.load(done.out / "checkpoint.pt")
    torch.manual_seed(5)
    return [done.step(state, draw(4), None) for _ in range(3)]


def test_losses_go_to_the_journal(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.training.journal.LOG_EVERY", 4)
    training(data, tmp_path).run()
    rows = read_metrics(tmp_path / "training.jsonl")
    assert [row["images"] for row in rows] == [4, 8, 12, 16, 20, 24]
    assert {"loss_g", "loss_d", "mask", "path_length", "r1", "r1_masks"} <= rows[0].keys()
    assert "path_length" not in rows[1] and "r1" not in rows[1]
    assert "r1_masks" in rows[3]


def test_every_parameter_is_trained_and_the_guide_is_heard(data: Path) -> None:
    state = build(CONFIG, RECIPE, 0)
    faces = GroupedFaces(data)
    index = torch.arange(4)
    before = [
        {k: v.clone() for k, v in network.state_dict().items()}
        for network in (state.generator, state.discriminator)
    ]
    torch.manual_seed(0)
    guide = Guide(AttributeRegressor())
    losses = train_step(state, faces.images(index), faces.labels(index), RECIPE, guide)
    assert {"guided_g", "guided_d"} <= losses.keys()
    for network, old in zip((state.generator, state.discriminator), before, strict=True):
        still = {
            k for k, _ in network.named_parameters() if torch.equal(network.state_dict()[k], old[k])
        }
        assert not still - {k for k in still if "noise_strength" in k}
    assert not torch.equal(state.generator.w_avg, before[0]["mapping.w_avg"])
    assert torch.equal(state.ema.w_avg, state.generator.w_avg)


def test_masks_are_learnt(data: Path) -> None:
    """With the mask loss alone, coarse masks and scores come together."""
    recipe = replace(RECIPE, autocast=False, path_interval=1000, r1_interval=1000)
    state, faces = build(CONFIG, recipe, 0), GroupedFaces(data)
    torch.manual_seed(0)
    index = torch.arange(4)
    state.images = 4
    values = [
        train_step(state, faces.images(index), faces.labels(index), recipe)["mask"]
        for _ in range(20)
    ]
    assert sum(values[-5:]) < 0.7 * sum(values[:5])


def test_mask_loss_is_the_mean_square() -> None:
    torch.manual_seed(0)
    scores, coarse = torch.randn(2, 3, 8, 8), torch.rand(2, 3, 4, 4)
    means = scores.unflatten(2, (4, 2)).unflatten(4, (4, 2)).mean((3, 5))
    torch.testing.assert_close(mask_loss(scores, coarse), (means - coarse).square().mean())
    assert mask_loss(F.interpolate(coarse, scale_factor=2), coarse) < 1e-12


def test_r1_of_branches_in_closed_form() -> None:
    images = torch.zeros(2, 3, 2, 2, requires_grad=True)
    masks = torch.zeros(2, 5, 2, 2, requires_grad=True)
    logits = 2 * images.sum((1, 2, 3)) + 3 * masks.sum((1, 2, 3))
    at_images, at_masks = r1_of_branches(logits, [images, masks], [10, 1000])
    assert at_images.item() == 0.5 * 10 * 4 * 12
    assert at_masks.item() == 0.5 * 1000 * 9 * 20


def test_mixing_of_parts() -> None:
    torch.manual_seed(0)
    first, second = torch.zeros(600, 2 + 2 * 3, 1), torch.ones(600, 2 + 2 * 3, 1)
    mixed = mixed_parts(first, second, 2, 0.5).squeeze(2)
    assert (mixed[:, :2] == 0).all()  # base codes
    kinds = mixed[:, 2:].unflatten(1, (3, 2))
    assert not ((kinds[..., 0] == 1) & (kinds[..., 1] == 0)).any()
    any_mixed = (mixed > 0).any(1).float().mean()
    assert abs(any_mixed - 0.5 * (1 - 1 / 27)) < 0.06
    both = (kinds.sum(2) == 2).float().mean()
    assert abs(both - 0.5 / 3) < 0.03
    assert (mixed_parts(first, second, 2, 0.0) == 0).all()


def test_sheet(tmp_path: Path) -> None:
    network = SemanticStyleGAN(CONFIG)
    draw_parts_sheet(network, tmp_path / "sheet.png", 0)
    with Image.open(tmp_path / "sheet.png") as sheet:
        width, height = sheet.size
    rows = 48 // 8 + 2 + len(CLASSES) - 1
    assert (width, height) == (8 * 18 + 2, rows * 18 + 2)


def test_presets() -> None:
    config, recipe = preset("small", 64, CLASSES)
    state = build(config, recipe, 0)
    count = sum(p.numel() for p in state.generator.parameters())
    assert 400_000 < count < 800_000
    config, recipe = preset("paper", 512, CLASSES, ("glasses",))
    assert config.channels == (512, 512, 256, 128, 64)
    assert recipe.judge_channels == (512, 512, 512, 512, 512, 256, 128, 64)
    assert (recipe.r1_gamma, recipe.r1_mask_gamma, recipe.mask_weight) == (10, 1000, 100)
    with pytest.raises(UserError, match="'small' is for images of 16, 32, 64 px"):
        preset("small", 512, CLASSES)


def test_scripts(data: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "trained"
    arguments = ("--data", data, "--out", out, "--images", 8, "--batch", 4)
    assert run(train_semantic_stylegan.main, *arguments) == 0
    file = tmp_path / "g.safetensors"
    assert run(export_semantic_stylegan.main, out / "checkpoint.pt", "--out", file) == 0
    network = load_own(file)
    assert isinstance(network, SemanticStyleGAN) and network.config.classes == CLASSES
    capsys.readouterr()
    assert run(train_semantic_stylegan.main, *arguments, "--seed", 1) == 2
    assert "other seed" in capsys.readouterr().err
    assert run(export_semantic_stylegan.main, out / "training.jsonl", "--out", file) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_labelled_images_are_trained_on(tmp_path: Path) -> None:
    prepare(merged_folder(tmp_path / "source", 6), tmp_path / "data", 16)
    opened = open_labelled(tmp_path / "data")
    config = replace(CONFIG, classes=opened.classes, transparent=opened.transparent)
    done = replace(training(tmp_path / "data", tmp_path / "out", 8), config=config)
    assert done.run()
    assert (tmp_path / "out" / "snapshot_00000k.pt").exists()


def test_batches_hold_what_belongs_together(data: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    faces = GroupedFaces(data)
    images, labels = training(data, tmp_path).batches(faces)(16)
    every: Tensor = faces.images(torch.arange(32))
    found = torch.stack([(every - image).abs().flatten(1).sum(1).argmin() for image in images])
    assert torch.equal(faces.labels(found), labels)
    assert len(set(found.tolist())) > 4


def test_the_discriminator_can_begin_alone(data: Path) -> None:
    recipe, faces, index = replace(RECIPE, judge_alone=4), GroupedFaces(data), torch.arange(4)
    state = build(CONFIG, recipe, 0)
    networks = state.generator, state.discriminator
    kept = [{k: v.clone() for k, v in network.named_parameters()} for network in networks]

    def changed(which: int) -> bool:
        now = networks[which].named_parameters()
        return any(not torch.equal(v, kept[which][k]) for k, v in now)

    torch.manual_seed(0)
    train_step(state, faces.images(index), faces.labels(index), recipe)
    assert changed(1) and not changed(0)
    train_step(state, faces.images(index), faces.labels(index), recipe)
    assert changed(0)
