"""Lessons of a SemanticStyleGAN: what is compared, what is learned, what comes after them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pipeline.datasets.grouped_faces import CLASSES
from pipeline.errors import UserError
from pipeline.evaluators.embedded import AttributeRegressor
from pipeline.generators.base import Codes, Space
from pipeline.generators.dual_discriminator import one_hot_masks
from pipeline.generators.stylegan2 import StyleGAN2
from pipeline.generators.weights import save_stylegan2
from pipeline.training.guided import Guide
from pipeline.training.loop import read_description
from pipeline.training.quality import Readers
from pipeline.training.semantic_lessons import Lessons, SemanticLessons, mask_errors, seen_errors
from pipeline.training.semantic_stylegan import SemanticTraining
from tests.training.faces import CONFIG as TEACHER
from tests.training.faces import small_faces
from tests.training.test_semantic_stylegan import CONFIG, RECIPE

LESSONS = Lessons(RECIPE.judge_channels, RECIPE.mask_judge_channels, batch=4, autocast=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_faces(tmp_path_factory.mktemp("faces"))


@pytest.fixture
def guided(monkeypatch: pytest.MonkeyPatch) -> AttributeRegressor:
    """An untrained regressor in the guide's place, and no evaluators."""

    def missing() -> Readers:
        raise UserError("No weights file 'parser'.")

    monkeypatch.setattr(Readers, "load", missing)
    torch.manual_seed(0)
    regressor = AttributeRegressor().eval().requires_grad_(False)
    regressor.fingerprint = "untrained"
    monkeypatch.setattr(AttributeRegressor, "load", lambda _folder: regressor)
    return regressor


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> str:
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    save_stylegan2(StyleGAN2(TEACHER), path)
    return str(path)


def lessons(data: Path, out: Path, teacher: str, **changes: object) -> SemanticLessons:
    settings = {"images": 8, "save_every": 8, "snapshot_every": 8, "wandb": "disabled"}
    settings |= {"guide": Path("guide"), "teacher": teacher} | changes
    return SemanticLessons(data, out, CONFIG, LESSONS, **settings)  # type: ignore[arg-type]


def test_the_pupil_maps_as_the_teacher_and_comes_nearer(
    data: Path, tmp_path: Path, teacher: str, guided: AttributeRegressor
) -> None:
    training = lessons(data, tmp_path, teacher)
    state, guide = training.begin(), Guide(guided)
    z = torch.randn(4, CONFIG.z_dim, generator=torch.Generator().manual_seed(0))
    lesson = training.lesson(z, guided)
    torch.testing.assert_close(state.generator.convert(Codes(Space.Z, z), Space.W).values, lesson.w)
    mapping = {k: v.clone() for k, v in state.generator.mapping.state_dict().items()}
    errors = [training.step(state, (z[..., None, None],), guide)["pixel"] for _ in range(30)]
    assert errors[-1] < 0.9 * errors[0]
    assert all(torch.equal(v, mapping[k]) for k, v in state.generator.mapping.state_dict().items())
    assert state.images == 30 * LESSONS.batch


def test_errors_vanish_where_all_is_right(
    data: Path, tmp_path: Path, teacher: str, guided: AttributeRegressor
) -> None:
    training = lessons(data, tmp_path, teacher)
    lesson = training.lesson(torch.randn(2, CONFIG.z_dim), guided)
    seen = seen_errors(lesson.pictures, lesson, guided)
    assert max(value.item() for value in seen.values()) < 1e-9
    drawn = training.begin().generator.compose(Codes(Space.W, lesson.w), "none")
    assert min(error.item() for error in mask_errors(drawn, lesson.labels).values()) > 0.1
    labels = torch.zeros(2, CONFIG.resolution, CONFIG.resolution, dtype=torch.uint8)
    labels[:, :, 8:] = 3
    signs = one_hot_masks(labels, len(CLASSES))
    right = replace(drawn, scores=signs, depths=50 * signs[..., ::2, ::2])
    assert max(error.item() for error in mask_errors(right, labels).values()) < 1e-6


def test_a_training_goes_on_from_lessons(
    data: Path, tmp_path: Path, teacher: str, guided: AttributeRegressor
) -> None:
    taught = lessons(data, tmp_path / "lessons", teacher)
    assert taught.run()
    start = tmp_path / "lessons" / "checkpoint.pt"
    training = SemanticTraining(
        data, tmp_path / "gan", CONFIG, RECIPE, 8, wandb="disabled", start=start
    )
    begun, learned = training.begin(), torch.load(start)["ema"]
    for network in (begun.generator, begun.ema):
        assert all(torch.equal(v, learned[k]) for k, v in network.state_dict().items())
    assert replace(training, save_every=8, snapshot_every=8).run()
    told = read_description(training.out)["start"]
    assert told["images"] == 8 and told["teacher"]["name"] == "teacher"
    (tmp_path / "other.pt").write_bytes(b"no checkpoint")
    with pytest.raises(UserError, match="other.pt"):
        replace(training, start=tmp_path / "other.pt").begin()


def test_lessons_need_a_guide_and_a_fitting_teacher(
    data: Path, tmp_path: Path, teacher: str, guided: AttributeRegressor
) -> None:
    with pytest.raises(UserError, match="--guide"):
        lessons(data, tmp_path, teacher, guide=None).begin()
    torch.manual_seed(1)
    save_stylegan2(StyleGAN2(replace(TEACHER, w_dim=6)), tmp_path / "other.safetensors")
    with pytest.raises(UserError, match="another network than the pupil's"):
        lessons(data, tmp_path, str(tmp_path / "other.safetensors")).begin()
    save_stylegan2(
        StyleGAN2(replace(TEACHER, resolution=8, channels=(8, 8))), tmp_path / "small.safetensors"
    )
    with pytest.raises(UserError, match="draws 8 px"):
        lessons(data, tmp_path, str(tmp_path / "small.safetensors")).begin()
