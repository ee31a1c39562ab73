"""Labels, examples, and the methods that follow normals."""

from pathlib import Path

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.base import Method
from pipeline.methods.hyperplanes import Hyperplanes, InterFaceGAN, Metric, NormalEdit, Sampling
from pipeline.methods.labels import Labels, examples, read
from pipeline.regions.box import Box
from pipeline.regions.region import Region
from tests.generators.networks import small_network
from tests.generic import MethodCase
from tests.methods.labelling import ATTRIBUTES, Brightness, Scenes

NETWORK = small_network(dtype=torch.float32)
CODES = NETWORK.sample(240, torch.Generator().manual_seed(2))
LABELS = read(NETWORK, Brightness(), CODES)
BOX = Box("box", [0.5, 0.5], [0.5, 0.5])


def made(cls: type[Hyperplanes] = Hyperplanes, **options: object) -> Hyperplanes:
    settings = {"attribute": "bright", "num_samples": 240, "share": 0.2} | options
    method = cls(**settings)  # type: ignore[arg-type]
    method.reader, method.labels = Scenes(), LABELS  # type: ignore[assignment]
    return method


def test_labels_are_what_the_predictor_reads() -> None:
    seen: list[tuple[int, int]] = []
    few = read(NETWORK, Brightness(), CODES[:70], lambda *counts: seen.append(counts))
    images = NETWORK.render(CODES[:70]).clamp(-1, 1)
    torch.testing.assert_close(few.attributes, Brightness().standardised(images))
    assert seen == [(64, 70), (70, 70)]
    assert few.labeller == "brightness"
    joined = Labels.joined([few, few])
    assert len(joined) == 140
    assert torch.equal(joined.column("even"), torch.cat([few.attributes[:, 1]] * 2))


def test_examples_are_the_extremes_in_equal_numbers() -> None:
    chosen = examples(LABELS, "bright", 0.1, 0.25, seed=0)
    values = LABELS.column("bright")
    everything = torch.cat([chosen.train, chosen.validation])
    assert len(everything) == len(everything.unique()) == 48
    assert set(chosen.positive.tolist()) == set(values.topk(24).indices.tolist())
    sides = chosen.sides(LABELS, NETWORK, Space.S)
    assert (int(sides.train_positive.sum()), len(sides.train)) == (18, 36)
    assert (int(sides.validation_positive.sum()), len(sides.validation)) == (6, 12)
    styles = NETWORK.convert(CODES[chosen.train], Space.S).values
    torch.testing.assert_close(sides.train, styles)


def test_too_few_or_equal_samples_are_refused() -> None:
    with pytest.raises(UserError, match="examples a class"):
        examples(LABELS, "bright", 0.01, 0.3, seed=0)
    same = Labels(CODES, torch.zeros(240, 3), ATTRIBUTES, "nobody")
    with pytest.raises(UserError, match="do not differ"):
        examples(same, "bright", 0.1, 0.3, seed=0)
    with pytest.raises(UserError, match="share=0.6"):
        Sampling(share=0.6)


@pytest.mark.parametrize("space", ["z", "w"])
def test_a_step_along_the_normal_changes_the_attribute(space: str) -> None:
    edit = made(space=space, C=1.0).discover(NETWORK, CODES[:1], BOX)[0]
    step = 0.5 * edit.spread(NETWORK, CODES)
    images = [edit.apply(NETWORK, CODES, sign * step).clamp(-1, 1) for sign in (-1, 1)]
    less, more = (Brightness().standardised(x)[:, 0].mean() for x in images)
    assert float(more - less) > 0.1


@pytest.mark.parametrize("metric", list(Metric))
def test_a_step_in_s_raises_the_score_of_the_hyperplane(metric: Metric) -> None:
    edit = made(space="s", metric=metric, C=0.1).discover(NETWORK, CODES[:1], BOX)[0]
    normal = made(space="s", C=0.1).discover(NETWORK, CODES[:1], BOX)[0]
    assert isinstance(edit, NormalEdit)
    assert isinstance(normal, NormalEdit)
    assert float(edit.direction.norm()) == pytest.approx(1, rel=1e-5)
    assert float(edit.direction @ normal.direction) > 0.1
    assert torch.equal(edit.direction == 0, normal.direction == 0)


def test_notes_say_what_the_hyperplane_rests_on() -> None:
    notes = made(space="s", C=0.05).discover(NETWORK, CODES[:1], BOX).notes
    assert notes["labeller"] == "brightness"
    assert notes["samples"] == 240
    plane = notes["hyperplane"]
    assert plane["dimensions"] == NETWORK.shapes[Space.S][0]
    assert 0 < plane["sparsity"] < 1
    assert 0.5 < plane["validation_accuracy"] <= 1


def test_interfacegan_leaves_the_conditions_alone() -> None:
    def direction(**options: object) -> torch.Tensor:
        edits = made(**options).discover(NETWORK, CODES[:1], BOX)  # type: ignore[arg-type]
        edit = edits[0]
        assert isinstance(edit, NormalEdit)
        return edit.direction.double()

    other = {name: direction(attribute=name) for name in ("even", "top")}
    plain = direction()
    assert abs(float(plain @ other["top"])) > 0.1
    none = direction(cls=InterFaceGAN, num_conditions=0)
    torch.testing.assert_close(none, plain)
    one = direction(cls=InterFaceGAN, conditions=["top"])
    assert abs(float(one @ other["top"])) < 1e-6
    both = direction(cls=InterFaceGAN, conditions=["top", "even"])
    assert max(abs(float(both @ normal)) for normal in other.values()) < 1e-6
    found = made(InterFaceGAN).discover(NETWORK, CODES[:1], BOX).notes
    most = max(other, key=lambda name: abs(float(plain @ other[name])))
    assert list(found["conditions"]) == [most]
    assert 0 < found["kept"] < 1


def test_wrong_options_are_told() -> None:
    with pytest.raises(UserError, match="space"):
        made(space="w+")
    with pytest.raises(UserError, match="names the attribute itself"):
        made(InterFaceGAN, conditions=["bright"])
    with pytest.raises(UserError, match="attribute"):
        made(InterFaceGAN, conditions=["dark"]).check(NETWORK, BOX)
    with pytest.raises(UserError, match="say which"):
        made(attribute=None).check(NETWORK, BOX)


def test_codes_of_one_batch_or_many_convert_alike() -> None:
    assert isinstance(CODES, Codes)
    edits = made().discover(NETWORK, CODES[:1], BOX)
    assert edits[0].spread(NETWORK, CODES) == pytest.approx(1, abs=0.3)  # z is standard normal


class TestHyperplanes(MethodCase):
    @pytest.fixture
    def method(self) -> Method:
        method = made(num_samples=64, share=0.3)
        method.labels = None
        return method

    @pytest.fixture
    def generator(self) -> Generator:
        return NETWORK

    @pytest.fixture
    def region(self) -> Region:
        return BOX

    def test_it_reads_labels_of_its_own_where_it_has_none(
        self, method: Hyperplanes, tmp_path: Path
    ) -> None:
        found = method.discover(NETWORK, CODES[:1], BOX, seed=1)
        assert found.notes["samples"] == 64
