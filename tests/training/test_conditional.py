"""Training of BigGAN and pix2pixHD: steps, resuming, norms, losses; measuring and cards."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from pipeline.datasets.face_classes import CLASSES, classes_of
from pipeline.datasets.procfaces.dataset import RenderedFaces
from pipeline.datasets.procfaces.factors import NAMES, sample_factors
from pipeline.datasets.procfaces.parts import PARTS
from pipeline.errors import UserError
from pipeline.evaluators.embedded import AttributeRegressor
from pipeline.generators.checkpoints.own import load_own, save_own
from pipeline.generators.layers_biggan import Spectral, StoredBatchNorm
from pipeline.records import read_metrics
from pipeline.training import conditional, quality
from pipeline.training.biggan import Batch, build, settle, train_step
from pipeline.training.guided import Guide
from pipeline.training.loop import Training
from pipeline.training.normal_codes import LAYERS, NormalCodes, normal_scores, whitened
from pipeline.training.patches import (
    MultiscaleDiscriminator,
    PatchDiscriminator,
    adversarial_loss,
    feature_matching,
)
from scripts import evaluate_conditional, export_conditional, train_biggan, train_pix2pixhd
from tests.generators.conditional import features
from tests.training.conditional import (
    BIGGAN,
    BIGGAN_RECIPE,
    biggan_training,
    pix2pixhd_training,
)
from tests.training.faces import Run, small_faces, untrained_readers

pytestmark = pytest.mark.usefixtures("no_evaluators")

Make = Callable[..., Training]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_faces(tmp_path_factory.mktemp("faces"), 32)


def checkpoint(training: Training, network: str = "ema") -> dict[str, Tensor]:
    saved: dict[str, Tensor] = torch.load(training.out / "checkpoint.pt")[network]
    return saved


@pytest.mark.parametrize("make", [biggan_training, pix2pixhd_training])
def test_half_and_half_is_the_whole_bit_by_bit(make: Make, data: Path, tmp_path: Path) -> None:
    straight, resumed = make(data, tmp_path / "straight"), make(data, tmp_path / "resumed")
    assert straight.run()
    assert replace(resumed, images=12).run() and resumed.run()
    for network in ("generator", "discriminator", "ema"):
        first, second = checkpoint(straight, network), checkpoint(resumed, network)
        assert all(torch.equal(first[name], second[name]) for name in first)
    losses = [
        [{k: v for k, v in row.items() if k != "images_per_second"} for row in rows]
        for rows in (read_metrics(t.out / "training.jsonl") for t in (straight, resumed))
    ]
    assert losses[0] == losses[1] or not losses[0]
    assert (straight.out / "sheet_00000k.png").exists()


def test_the_adversary_comes_in_when_it_is_told_to(data: Path, tmp_path: Path) -> None:
    training = biggan_training(data, tmp_path)
    state, draw = training.begin(), training.batches(RenderedFaces(data))
    torch.manual_seed(0)
    guide = Guide(AttributeRegressor())
    before = {k: v.clone() for k, v in state.discriminator.state_dict().items()}
    seen = [training.step(state, draw(4), guide) for _ in range(3)]
    assert [set(losses) for losses in seen[:2]] == [{"error"}] * 2
    assert set(seen[2]) == {"error", "loss_g", "loss_d", "guided_g", "guided_d", "r1"}
    moved = [
        k for k, v in state.discriminator.state_dict().items() if not torch.equal(v, before[k])
    ]
    assert len(moved) == len(before)


def test_reconstruction_is_learnt(data: Path, tmp_path: Path) -> None:
    recipe = replace(BIGGAN_RECIPE, adversary_from=10**6, generator_rate=5e-3)
    state = build(BIGGAN, recipe, 0)
    draw = biggan_training(data, tmp_path).batches(RenderedFaces(data))
    torch.manual_seed(0)
    batch = Batch(*draw(8))
    errors = [train_step(state, batch, recipe)["error"] for _ in range(25)]
    assert sum(errors[-5:]) < 0.8 * sum(errors[:5])


def test_batches_have_all_classes_and_what_belongs_together(data: Path, tmp_path: Path) -> None:
    faces = RenderedFaces(data)
    torch.manual_seed(0)
    images, labels, codes = biggan_training(data, tmp_path).batches(faces)(200)
    every = classes_of(faces.factors(torch.arange(len(faces))))
    shares = torch.bincount(labels, minlength=len(CLASSES)) / 200
    present = torch.bincount(every, minlength=len(CLASSES)) > 0
    assert ((shares > 0.08) == present).all()
    assert codes.shape == (200, BIGGAN.z_dim)
    whole = faces.images(torch.arange(len(faces)))
    of_image = [(whole - image).abs().flatten(1).sum(1).argmin() for image in images[:20]]
    assert torch.equal(every[torch.stack(of_image)], labels[:20])


def test_scores_are_normal_and_white() -> None:
    random = torch.Generator().manual_seed(0)
    values = torch.rand(3000, 3, generator=random)
    values[:, 1] = 0.8 * values[:, 0] + 0.2 * values[:, 1]
    values[values[:, 2] < 0.5, 2] = 0.0  # what many lack: ties
    scores = normal_scores(values, random)
    for column, score in zip(values.T, scores.T, strict=True):
        order = column.argsort()
        assert (score[order].diff()[column[order].diff() > 0] > 0).all()
        assert abs(score.mean()) < 1e-6 and abs(score.std() - 1) < 1e-2
    assert abs(scores[values[:, 2] == 0, 2].mean() + 0.8) < 0.05  # mean of the lower half
    white = whitened(scores)
    torch.testing.assert_close(white.T @ white / 3000, torch.eye(3).double(), atol=0.05, rtol=0)
    assert all(torch.corrcoef(torch.stack(pair))[0, 1] > 0.6
               for pair in zip(white.T, scores.T, strict=True))  # fmt: skip


def test_codes_hold_every_factor_once() -> None:
    assert sorted(sum(LAYERS, ())) == sorted(NAMES)
    factors = sample_factors(4000, torch.Generator().manual_seed(0))
    labels = classes_of(factors)
    codes = NormalCodes(factors, labels, 12, 5)
    torch.manual_seed(0)
    index = (labels == 4).nonzero().squeeze(1)
    z = codes.draw(index)
    assert z.shape == (len(index), 60)
    spread = torch.linalg.eigvalsh(torch.cov(z.T))
    assert spread.min() > 0.3 and spread.max() < 1.7
    inputs = torch.cat([z, torch.ones(len(z), 1)], 1)
    for name in ("yaw", "mouth_open", "hair_hue"):
        truth = factors[index, NAMES.index(name)][:, None]
        fit = inputs @ torch.linalg.lstsq(inputs, truth).solution
        assert torch.corrcoef(torch.cat([fit, truth], 1).T)[0, 1] > 0.85
    with pytest.raises(UserError, match="z has 5 chunks of 8"):
        NormalCodes(factors, labels, 8, 5)


def test_norms_in_training_go_by_the_batch() -> None:
    torch.manual_seed(0)
    norm, x = StoredBatchNorm(3, 1, 1e-5), torch.randn(6, 3, 4, 4) * 2 + 1
    gain, bias = torch.rand(6, 3), torch.rand(6, 3)
    reference = nn.BatchNorm2d(3, affine=False)
    scaled = norm.scaled(x, gain, bias, torch.ones(1))
    expected = reference(x) * gain[..., None, None] + bias[..., None, None]
    torch.testing.assert_close(scaled, expected)
    torch.testing.assert_close(norm.stored_mean[0], reference.running_mean)
    torch.testing.assert_close(norm.stored_var[0], reference.running_var)


def test_settled_norms_are_means_over_samples() -> None:
    network = build(BIGGAN, BIGGAN_RECIPE, 0).ema
    with torch.no_grad():
        network.output_norm.stored_mean.fill_(9.0)
    settle(network, 0, 4)
    codes = network.sample(256, torch.Generator().manual_seed(0))
    last = features(network, codes)[f"layers.{len(network.layers) - 1}"]
    mean = last.mean((0, 2, 3))
    assert (network.output_norm.stored_mean[0] - mean).abs().max() < 0.2 * last.std()
    assert not any(m.training for m in network.modules())
    for layer in (m for m in network.modules() if isinstance(m, Spectral)):
        exact = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
        torch.testing.assert_close(layer.sigma(), exact, rtol=0.05, atol=0)


def test_patch_losses() -> None:
    torch.manual_seed(0)
    judge = MultiscaleDiscriminator(inputs=5, channels=4, layers=2, scales=2)
    maps, images = torch.rand(2, 2, 32, 32), torch.rand(2, 3, 32, 32)
    seen = judge(maps, images)
    assert [len(features) for features in seen] == [4, 4]
    assert [f.shape[1] for f in seen[0]] == [4, 8, 16, 1]
    assert seen[1][0].shape[-1] < seen[0][0].shape[-1]
    logits = torch.cat([features[-1].flatten() for features in seen])
    assert adversarial_loss([[logits]], True) == (logits - 1).square().mean()
    assert feature_matching(seen, seen) == 0
    assert feature_matching(seen, judge(maps, -images)) > 0
    patch = PatchDiscriminator(5, 4, 1)
    patch.rows[1].register_module("1", nn.Identity())  # the norm, which sees the whole image
    moved = torch.cat([maps, images], 1).clone()
    moved[..., 0, 0] += 1
    changed = (patch(moved)[-1] != patch(torch.cat([maps, images], 1))[-1])[0, 0]
    assert not changed[8:, 8:].any()


@pytest.mark.parametrize("make", [biggan_training, pix2pixhd_training])
def test_export_and_evaluation(
    make: Make, data: Path, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = make(data, tmp_path / "trained", images=8, command="python a b")
    training.run()
    weights = tmp_path / "g.safetensors"
    exported = ("--out", weights, "--compare", 3)
    assert run(export_conditional.main, training.out / "checkpoint.pt", *exported) == 0
    network = load_own(weights)
    shipped, kept = network.state_dict(), checkpoint(training)
    kernels = [k for k, v in shipped.items() if v.ndim == 4]
    assert kernels and not any(k.startswith("encoder") for k in shipped)
    for name in kernels:
        torch.testing.assert_close(shipped[name], kept[name].half().float())
    monkeypatch.setattr(quality.Readers, "load", untrained_readers)
    monkeypatch.setattr(conditional, "DRAWN", 256)
    options = ("--samples", 24, "--out", tmp_path / "measured")
    assert run(evaluate_conditional.main, weights, *options) == 0
    card = (tmp_path / "g.md").read_text()
    assert "Images shown: 8. Seed: 0." in card and "`python a b`" in card
    measured = json.loads((tmp_path / "measured" / "quality.json").read_text())
    found = measured.get("accuracy") or measured["iou"]
    assert list(found) in ([*CLASSES, "all"], [*PARTS, "mean"])
    assert all(
        0 <= score["low"] <= score["value"] <= score["high"] <= 1 for score in found.values()
    )
    assert "distance/fd_embedded" in measured["bars"]
    assert (tmp_path / "measured" / "samples.png").stat().st_size > 1000


def test_what_cannot_be_exported_or_measured_is_said(
    data: Path, tmp_path: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    training = biggan_training(data, tmp_path, images=4, save_every=4)
    training.run()
    torch.save({"ema": {}, "images": 1}, tmp_path / "other.pt")
    out = tmp_path / "x.safetensors"
    assert run(export_conditional.main, tmp_path / "other.pt", "--out", out) == 2
    assert "is no checkpoint of train_biggan.py" in capsys.readouterr().err
    save_own(build(BIGGAN, BIGGAN_RECIPE, 0).ema, out, {})
    assert run(evaluate_conditional.main, out, "--out", tmp_path) == 2
    assert "does not tell its architecture" in capsys.readouterr().err
    assert run(evaluate_conditional.main, out, "--samples", 3) == 2
    assert "--samples 3" in capsys.readouterr().err


@pytest.mark.parametrize("script", [train_biggan, train_pix2pixhd])
def test_training_by_the_script(
    script: object, run: Run, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("--data", data, "--out", tmp_path, "--images", 0)
    assert run(script.main, *arguments) == 0  # type: ignore[attr-defined]
    described = json.loads((tmp_path / "training.json").read_text())
    assert described["command"].startswith("python script.py --data")
    assert run(script.main, "--data", tmp_path / "none", "--out", tmp_path) == 2  # type: ignore[attr-defined]
    assert "No rendered faces" in capsys.readouterr().err
