"""Training of the reader: its losses, a few steps, and the split into evaluators."""

from pathlib import Path

import pytest
import torch

from pipeline.datasets.procfaces.dataset import RenderedFaces, render_dataset
from pipeline.datasets.procfaces.factors import FACTORS, NAMES
from pipeline.datasets.procfaces.parts import PARTS
from pipeline.evaluators.reading import (
    factor_loss,
    held_out,
    jaccard_loss,
    new_reader,
    part_weights,
    reader_loss,
    split,
    standardisation,
)
from pipeline.evaluators.training import Schedule, train


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> RenderedFaces:
    folder = tmp_path_factory.mktemp("faces")
    render_dataset(folder, 32, seed=0)
    return RenderedFaces(folder)


def test_jaccard_loss_is_zero_for_the_truth() -> None:
    labels = torch.tensor([[[0, 1], [2, 1]]])
    logits = 50.0 * torch.nn.functional.one_hot(labels, 3).permute(0, 3, 1, 2)
    assert jaccard_loss(logits, labels).item() == pytest.approx(0, abs=1e-6)
    assert jaccard_loss(logits.roll(1, 1), labels) > 0.5


def test_factor_loss_prefers_the_truth() -> None:
    factors, mean = torch.full((2, len(FACTORS)), 0.5), torch.full((len(FACTORS),), 0.2)
    std, presence = torch.full((len(FACTORS),), 0.1), [f.kind == "presence" for f in FACTORS]
    right = (factors - mean) / std
    right[:, presence] = 0.0  # the logit of 0.5
    best = factor_loss(right, factors, mean, std)
    assert best < factor_loss(right + 0.3, factors, mean, std)
    assert best < factor_loss(right - 0.3, factors, mean, std)


def test_standardisation(faces: RenderedFaces) -> None:
    mean, std = standardisation(faces)
    factors = (faces.factors(torch.arange(32)) - mean) / std
    assert factors.mean(0).abs().max() < 1e-4
    assert factors.std(0)[NAMES.index("yaw")].item() == pytest.approx(1, abs=1e-4)


def test_rare_parts_weigh_more(faces: RenderedFaces) -> None:
    weights = part_weights(faces)
    assert weights[PARTS.index("background")] < weights[PARTS.index("brows")]


def test_a_few_steps_lower_the_loss(faces: RenderedFaces, tmp_path: Path) -> None:
    losses: list[float] = []
    reader = new_reader(0)
    plan = Schedule(steps=6, batch=8, rate=3e-3, warmup=1)
    loss = reader_loss(reader, faces, 8)
    train(reader, loss, plan, tmp_path / "r.pt", lambda _, __, value: losses.append(value))
    assert losses[-1] < 0.9 * losses[0]


def test_split_keeps_the_outputs(faces: RenderedFaces) -> None:
    reader = new_reader(1).eval()
    mean, std = standardisation(faces)
    images = faces.images(torch.arange(4))
    with torch.no_grad():
        logits, outputs = reader(images)
    parser, regressor, features = split(reader, mean, std)
    assert torch.allclose(parser(images), logits, atol=1e-4)
    yaw = NAMES.index("yaw")
    assert torch.allclose(regressor.standardised(images)[:, yaw], outputs[:, yaw], atol=1e-3)
    assert features(images).shape == (4, 128)


def test_initial_weights_follow_the_seed() -> None:
    a, b, c = (new_reader(seed).head.weight for seed in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_held_out_faces_follow_the_seed() -> None:
    first, again, other = (held_out(2, seed)[0] for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
