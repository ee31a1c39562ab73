"""StyleFlow on both kinds of generators, and edits kept to the classes of a SemanticStyleGAN."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.methods.base import Method
from pipeline.methods.edits import Edits
from pipeline.methods.hyperplanes import Hyperplanes, InterFaceGAN, NormalEdit
from pipeline.methods.labels import Labels, read
from pipeline.methods.styleflow import PAPER, StyleFlow
from pipeline.methods.styleflow_edit import FlowEdit
from pipeline.regions.box import Box
from pipeline.regions.region import Region
from tests.generators.networks import small_network
from tests.generators.semantic_cases import random_network
from tests.generic import MethodCase
from tests.methods.labelling import Brightness, Scenes

BOX = Box("box", [0.5, 0.5], [0.5, 0.5])
SMALL = {"hidden": (8,), "steps": 3, "batch": 8, "tolerance": 1e-2, "num_samples": 40}
NETWORKS: dict[str, Generator] = {
    "stylegan2": small_network(dtype=torch.float32),
    "semantic": random_network(),
}


class MouthScenes(Scenes):
    """Brightness as if it were the mouth's."""

    attribute_parts = {"bright": ("mouth",), "even": ("face",), "top": ("upper", "skin")}


def labels_of(network: Generator, n: int = 40) -> Labels:
    return read(network, Brightness(), network.sample(n, torch.Generator().manual_seed(2)))


LABELS = {name: labels_of(network) for name, network in NETWORKS.items()}


def flow(kind: str = "stylegan2", **options: object) -> StyleFlow:
    method = StyleFlow(**{"attribute": "bright"} | SMALL | options)  # type: ignore[arg-type]
    method.reader, method.labels = MouthScenes(), LABELS[kind]  # type: ignore[assignment]
    return method


def plane(kind: str, cls: type[Hyperplanes] = Hyperplanes, **options: object) -> Hyperplanes:
    settings = {"attribute": "bright", "space": "w", "num_samples": 40, "share": 0.3} | options
    method = cls(**settings)  # type: ignore[arg-type]
    method.reader, method.labels = MouthScenes(), LABELS[kind]  # type: ignore[assignment]
    return method


def codes_of(network: Generator, n: int = 3) -> Codes:
    return network.sample(n, torch.Generator().manual_seed(5))


def found(kind: str = "stylegan2", **options: object) -> FlowEdit:
    edit = flow(kind, **options).discover(NETWORKS[kind], codes_of(NETWORKS[kind]), BOX)[0]
    assert isinstance(edit, FlowEdit)
    return edit


@pytest.mark.parametrize("kind", list(NETWORKS))
def test_it_edits_both_generators_in_every_space_above_s(kind: str) -> None:
    network, edit = NETWORKS[kind], found(kind)
    codes = codes_of(network)
    images = edit.apply(network, codes, 2.0)
    assert float((images - network.render(codes)).abs().max()) > 1e-4
    for space in (Space.W, Space.W_PLUS):
        again = edit.apply(network, network.convert(codes, space), 2.0)
        torch.testing.assert_close(again, images, rtol=1e-2, atol=1e-2)


def test_a_step_is_the_way_to_the_attributes_wanted() -> None:
    network, edit = NETWORKS["stylegan2"], found()
    codes = codes_of(network)
    w = network.convert(codes, Space.W).values
    attributes = Brightness().standardised(network.render(codes).clamp(-1, 1))
    base = edit.flow().to_base(w, attributes)
    wanted = attributes + torch.tensor([1.5, 0, 0])
    expected = edit.flow().from_base(base, wanted) - w
    steps = edit.steps(network, codes, torch.full((3,), 1.5))
    torch.testing.assert_close(steps[:, 0], expected, rtol=0.05, atol=0.05)


def test_the_strength_has_a_gradient() -> None:
    network, edit = NETWORKS["stylegan2"], found()
    strength = torch.ones(3, requires_grad=True)
    edit.apply(network, codes_of(network), strength).sum().backward()
    assert strength.grad is not None
    assert float(strength.grad.abs().min()) > 0


def test_attributes_are_read_once_for_every_code() -> None:
    class Counting(Brightness):
        """Counts its pictures."""

        read = 0

        def standardised(self, images: Tensor) -> Tensor:
            Counting.read += len(images)
            return super().standardised(images)

    network, edit = NETWORKS["stylegan2"], found()
    counted = Scenes()
    counted.predictor = Counting()
    edit.see(counted)
    for strength in (0.5, 1.0):
        edit.apply(network, codes_of(network), strength)
    assert Counting.read == 3


def test_layers_are_kept_to_a_range() -> None:
    network = NETWORKS["stylegan2"]
    some, every = found(layers=[1, 3]), found()
    codes = network.convert(codes_of(network), Space.W_PLUS)
    steps = every.steps(network, codes_of(network), torch.ones(3))
    values = codes.values.clone()
    values[:, 1:3] += steps
    expected = network.render(codes.with_values(values))
    torch.testing.assert_close(
        some.apply(network, codes_of(network), 1.0), expected, rtol=1e-4, atol=1e-4
    )


def test_published_layers_are_those_of_the_attribute() -> None:
    method = flow(layers="published")
    with pytest.raises(UserError, match="no layers for attribute=bright"):
        method.check(NETWORKS["stylegan2"], BOX)
    method.attribute = "beard"
    assert method._layers() == (5, 10)


@pytest.mark.parametrize("classes", ["own", ["mouth"]])
def test_only_the_codes_of_a_class_move(classes: object) -> None:
    network = NETWORKS["semantic"]
    rows = network.class_rows["mouth"]  # type: ignore[operator, index]
    edit = found("semantic", classes=classes)
    assert edit.rows == rows
    straight = plane("semantic", InterFaceGAN, classes=classes).discover(
        network, codes_of(network), BOX
    )[0]
    assert isinstance(straight, NormalEdit)
    assert straight.rows == rows
    codes = network.convert(codes_of(network), Space.W_PLUS)
    values = codes.values.clone()
    values[:, list(rows)] += 1.5 * straight.direction
    torch.testing.assert_close(
        straight.apply(network, codes, 1.5), network.render(codes.with_values(values))
    )


@pytest.mark.parametrize("space", ["z", "w"])
def test_hyperplanes_edit_a_semantic_generator(space: str, tmp_path: Path) -> None:
    network = NETWORKS["semantic"]
    edits = plane("semantic", InterFaceGAN, space=space).discover(network, codes_of(network), BOX)
    edits.save(tmp_path / "edits.safetensors")
    edit, again = edits[0], Edits.load(tmp_path / "edits.safetensors")[0]
    codes = codes_of(network)
    moved = edit.apply(network, codes, 1.0)
    assert float((moved - network.render(codes)).abs().max()) > 1e-4
    torch.testing.assert_close(again.apply(network, codes, 1.0), moved)


def test_own_classes_are_all_layers_where_there_are_no_classes() -> None:
    assert found(classes="own").rows is None
    assert found("semantic", classes="own", attribute="even").rows is None  # of the whole face
    top = found("semantic", classes="own", attribute="top")
    assert top.rows == NETWORKS["semantic"].class_rows["skin"]  # type: ignore[operator, index]


def test_wrong_options_are_told() -> None:
    network = NETWORKS["stylegan2"]
    with pytest.raises(UserError, match="has no semantic classes"):
        flow(classes=["mouth"]).check(network, BOX)
    with pytest.raises(UserError, match="Unknown class 'moth'"):
        flow("semantic", classes=["moth"]).check(NETWORKS["semantic"], BOX)
    with pytest.raises(UserError, match="give names of semantic classes"):
        flow(classes="mouth")
    with pytest.raises(UserError, match=r"take method\.space=w"):
        plane("semantic", space="z", classes="own")
    with pytest.raises(UserError, match="layers"):
        flow(layers="publishd")
    with pytest.raises(UserError, match="reaches beyond"):
        flow(layers=[4, 90]).check(network, BOX)
    with pytest.raises(UserError, match="leaves out the attribute"):
        flow(attributes=["even"]).check(network, BOX)
    with pytest.raises(UserError, match="say which"):
        flow(attribute=None).check(network, BOX)
    with pytest.raises(UserError, match="space"):
        flow(space="z")
    with pytest.raises(UserError, match="preset"):
        flow(preset="papr")


def test_an_edit_from_a_file_needs_who_reads_attributes(tmp_path: Path) -> None:
    network = NETWORKS["stylegan2"]
    codes = codes_of(network)
    edits = flow().discover(network, codes, BOX)
    edits.save(tmp_path / "edits.safetensors")
    loaded = Edits.load(tmp_path / "edits.safetensors")[0]
    assert isinstance(loaded, FlowEdit)
    with pytest.raises(UserError, match="give it a reader"):
        loaded.apply(network, codes, 1.0)
    loaded.see(Scenes())
    torch.testing.assert_close(
        loaded.apply(network, codes, 1.0), edits[0].apply(network, codes, 1.0)
    )


def test_the_paper_is_a_preset() -> None:
    method = StyleFlow(attribute="bright", preset="paper")
    assert method.shape(512, 17).hidden == (512,) * 5
    assert method.recipe.batch == PAPER["batch"] == 5
    assert StyleFlow(attribute="bright", preset="paper", steps=7).recipe.steps == 7


class TestStyleFlow(MethodCase):
    """The generic case; a file of edits gets back who reads attributes."""

    @pytest.fixture
    def method(self) -> Method:
        return flow()

    @pytest.fixture
    def generator(self) -> Generator:
        return NETWORKS["stylegan2"]

    @pytest.fixture
    def region(self) -> Region:
        return BOX

    @pytest.fixture(autouse=True)
    def _seen(self, monkeypatch: pytest.MonkeyPatch) -> None:
        settle = FlowEdit.__post_init__

        def seen(edit: FlowEdit) -> None:
            settle(edit)
            edit.see(Scenes())

        monkeypatch.setattr(FlowEdit, "__post_init__", seen)
