"""Measuring a SemanticStyleGAN: agreement of masks and images, the script."""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.datasets.grouped_faces import CLASSES, class_of_part
from pipeline.errors import UserError
from pipeline.evaluators.embedded import FaceParser
from pipeline.evaluators.quality import Score
from pipeline.generators.checkpoints.own import save_own
from pipeline.generators.semantic_stylegan import SemanticStyleGAN, SemanticStyleGANConfig
from pipeline.training import quality
from pipeline.training.quality import Bar
from pipeline.training.semantic_card import check_provenance, semantic_card
from pipeline.training.semantic_lessons import Lessons
from pipeline.training.semantic_quality import SemanticQuality, agreement, semantic_quality
from pipeline.training.semantic_stylegan import Recipe
from scripts import evaluate_semantic_stylegan
from tests.training.faces import untrained_readers

CONFIG = SemanticStyleGANConfig(
    resolution=64,
    classes=CLASSES,
    channels=(4, 4, 4),
    coarse_resolution=16,
    local_channels=4,
    feature_channels=4,
    local_layers=4,
    depth_layers=3,
    z_dim=8,
    w_dim=8,
    mapping_layers=2,
)


class Seeing(FaceParser):
    """Reads the parts off the first channel."""

    def parse(self, images: Tensor) -> Tensor:
        return images[:, 0].round().to(torch.uint8)


def test_agreement_is_by_class() -> None:
    parts = torch.arange(12).repeat(2, 12, 1)
    images = parts[:, None].expand(-1, 3, -1, -1).float()
    labels = class_of_part()[parts].clone()
    scores = agreement(Seeing(), [images[:1], images[1:]], labels)
    assert [score.value for score in scores] == [1.0] * (len(CLASSES) + 1)
    labels[labels == CLASSES.index("nose")] = CLASSES.index("skin")
    scores = agreement(Seeing(), [images], labels)
    assert scores[CLASSES.index("nose")].value == 0
    assert scores[CLASSES.index("skin")].value == pytest.approx(3 / 4)
    assert scores[-1].value == pytest.approx((len(CLASSES) - 2 + 0.75) / len(CLASSES))


def test_other_classes_are_refused() -> None:
    network = SemanticStyleGAN(replace(CONFIG, classes=("background", "face")))
    with pytest.raises(UserError, match="background, face"):
        semantic_quality(network, 4, 0, untrained_readers())


def test_the_card_tells_all() -> None:
    score = Score(0.5, 0.4, 0.6, 20)
    bar = Bar("distance", "fd_embedded", score, (0, 10), "1 over 2")
    measured = SemanticQuality((score,) * (len(CLASSES) + 1), (bar,))
    provenance = {
        "architecture": asdict(CONFIG),
        "recipe": asdict(Recipe()),
        "data": {"count": 7, "seed": 3},
        "images": 1234,
        "seed": 5,
        "processes": 1,
        "device": "cpu",
        "command": "python train",
        "exported_by": "python export",
        "w_avg_samples": 20000,
        "guide": "abc",
    }
    check_provenance(provenance)
    text = semantic_card(measured, provenance, "python measure")
    for said in ("64 x 64", "skin, ears, neck", "**does not hold**", "1234", "`abc`", "1 over 2"):
        assert said in text
    assert "trained from random weights" in text
    teacher = {"name": "stylegan2_procfaces", "weights": "fed"}
    lessons = Lessons(*(asdict(Recipe())[k] for k in ("judge_channels", "mask_judge_channels")))
    taught = provenance | {"recipe": asdict(lessons), "teacher": teacher, "images": 77}
    alone = semantic_card(measured, taught, "python measure")
    assert "by lessons alone" in alone and "dual-branch" not in alone
    after = semantic_card(measured, provenance | {"start": taught}, "python measure")
    assert all(
        said in after for said in ("77 pictures of", "dual-branch", "from what lessons left")
    )


def test_the_script_measures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    save_own(SemanticStyleGAN(CONFIG), tmp_path / "g.safetensors", {})
    monkeypatch.setattr(quality.Readers, "load", untrained_readers)
    out = tmp_path / "out"
    options = [str(tmp_path / "g.safetensors"), "--samples", "20", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", ["x", *options])
    assert evaluate_semantic_stylegan.main() == 1  # nothing was trained
    found = json.loads((out / "quality.json").read_text())
    assert found["agreement"].keys() == {*CLASSES, "mean"}
    assert found["agreement"]["mean"]["value"] < 0.7
    assert (out / "samples.png").exists()
    assert "mean" in capsys.readouterr().out
    monkeypatch.setattr(sys, "argv", ["x", *options, "--card", str(tmp_path / "card.md")])
    assert evaluate_semantic_stylegan.main() == 2
    assert "does not tell its architecture" in capsys.readouterr().err
    monkeypatch.setattr(sys, "argv", ["x", *options[:1], "--samples", "2"])
    assert evaluate_semantic_stylegan.main() == 2
