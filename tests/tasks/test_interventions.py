"""The tasks of Style Intervention: their mathematics, and the stages on a small network."""

from pathlib import Path

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.base import Space
from pipeline.methods.hyperplanes import SPACES, Fit, Sampling
from pipeline.methods.intervention_edit import InterventionEdit
from pipeline.methods.labels import read
from pipeline.methods.separation import Penalty
from pipeline.methods.style_intervention import StyleIntervention
from pipeline.regions.box import Box
from pipeline.tasks.channel_parts import Overlapping, activated, best_channels, overlaps
from pipeline.tasks.hyperplanes import Separability, Separating
from pipeline.tasks.interventions import Following, monotone, moves, sheets, summary
from tests.generators.networks import small_network
from tests.methods.labelling import Brightness, Halves, Scenes

NETWORK = small_network(dtype=torch.float32)
SAMPLES = NETWORK.sample(200, torch.Generator().manual_seed(2))
LABELS = read(NETWORK, Brightness(), SAMPLES)
CODES = NETWORK.sample(3, torch.Generator().manual_seed(9))


def quiet(done: int, total: int) -> None:
    assert 0 < done <= total


def separating(cs: tuple[float, ...] = (0.02, 0.2)) -> Separating:
    sampling = Sampling(200, 0.2, 0.3)
    return Separating(NETWORK, LABELS, "bright", SPACES, sampling, Fit(C=0.1), cs, 0)


def test_every_space_has_its_row_and_s_a_sweep(tmp_path: Path) -> None:
    row = separating().compute(quiet)
    assert row["attribute"] == "bright"
    assert row["examples"] == 56
    assert [row["sweep"][i]["C"] for i in (0, 1)] == [0.02, 0.2]
    assert row["sweep"][0]["zeros"] >= row["sweep"][1]["zeros"]
    assert row["s"]["C"] == 0.1
    assert row["z"]["zeros"] == 0
    value, low, high, n = row["s"]["validation"]
    assert low < value <= high
    assert n == 24
    assert value == pytest.approx(row["s"]["validation_accuracy"])
    separating().save(row, tmp_path)
    assert separating().load(tmp_path) == row


def test_its_key_depends_on_the_fit_and_the_examples() -> None:
    assert separating().settings() != separating((0.02,)).settings()
    assert Penalty.L1 == "l1"
    with pytest.raises(UserError, match="space"):
        Separability(spaces=["w+"])  # type: ignore[list-item]
    with pytest.raises(UserError, match="share"):
        Separability(share=0.9)


def edit_of() -> InterventionEdit:
    method = StyleIntervention(
        attribute="top", num_samples=200, share=0.2, num_codes=20, steps=6, rate=0.15, reach=0.3
    )
    method.reader, method.labels = Scenes(), LABELS  # type: ignore[assignment]
    edit = method.discover(NETWORK, SAMPLES[:20], Box("box", [0.5, 0.5], [0.5, 0.5]))[0]
    assert isinstance(edit, InterventionEdit)
    return edit


EDIT = edit_of()
SOLUTION = EDIT.solve(NETWORK, CODES, 1)


def test_layers_are_followed_from_the_latent_edit_to_the_solution() -> None:
    found = moves(EDIT, NETWORK, CODES, SOLUTION.coefficients)
    assert len(found) == 1 + len(NETWORK.style_slices)
    latent, _ = EDIT.displacements(NETWORK, CODES, 1)
    torch.testing.assert_close(found[0], latent)
    EDIT.remember(CODES, 1, SOLUTION.coefficients)
    torch.testing.assert_close(found[-1], EDIT.displacement(NETWORK, CODES, 1))


def test_the_course_is_measured_as_it_was_solved(tmp_path: Path) -> None:
    scenes, multiples = Scenes(), [0.5, 1.0]
    stage = Following(EDIT, NETWORK, CODES, SOLUTION, scenes.predictor, scenes.parser, multiples, 2)
    course = stage.compute(quiet)
    assert course["layers.whole"].shape == (3, 1 + len(NETWORK.style_slices))
    assert course["merged.change"].shape == (3, 2)
    torch.testing.assert_close(course["merged.outside"][:, 1], course["layers.outside"][:, -1])
    torch.testing.assert_close(course["latent.whole"][:, 1], course["layers.whole"][:, 0])
    with torch.no_grad():
        before = NETWORK.render(CODES).clamp(-1, 1)
        after = EDIT.apply(NETWORK, CODES, 1.0).clamp(-1, 1)
    wanted = ((after - before) / 2).square().mean((1, 2, 3))
    torch.testing.assert_close(course["layers.whole"][:, -1], wanted)
    stage.save(course, tmp_path)
    assert torch.equal(stage.load(tmp_path)["latent.change"], course["latent.change"])
    numbers = summary(course)
    assert numbers["mse_outside_final"].value < numbers["mse_outside_latent"].value
    drawn = sheets(EDIT, NETWORK, CODES, SOLUTION.coefficients, multiples)
    assert set(drawn) == {"layers", "interpolation"}


def test_a_rise_beyond_rounding_is_no_monotone_fall() -> None:
    errors = torch.tensor([[4.0, 3.0, 3.0], [4.0, 3.0, 3.001], [4.0, 3.0, 3.1]])
    share = monotone(errors)
    assert share.value == pytest.approx(2 / 3)
    assert share.n == 3


def test_the_highest_share_of_every_map_is_activated() -> None:
    features = torch.arange(16.0).reshape(1, 1, 4, 4)
    mask = activated(features, 4, share=0.25)
    assert torch.equal(mask[0, 0, 3], torch.ones(4, dtype=torch.bool))
    assert int(mask.sum()) == 4
    assert int(activated(features, 8, share=0.25).sum()) == 16


def test_overlaps_are_intersections_over_unions() -> None:
    mask = torch.zeros(1, 2, 2, 2, dtype=torch.bool)
    mask[0, 0, 0] = True  # the upper row
    mask[0, 1, :, 0] = True  # the left column
    labels = torch.tensor([[[1, 1], [0, 0]]])
    found = overlaps(mask, labels, 3)
    torch.testing.assert_close(found[0, 0, :2], torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(found[0, 1, :2], torch.tensor([1 / 3, 1 / 3]))
    assert bool(found[0, :, 2].isnan().all())  # no image shows it


def test_overlaps_are_averaged_over_batches(tmp_path: Path) -> None:
    whole = Overlapping(NETWORK, CODES, Halves(), 3, 3).compute(quiet)
    stage = Overlapping(NETWORK, CODES, Halves(), 3, 2)
    found = stage.compute(quiet)
    assert torch.equal(found["images"], torch.tensor([3.0, 3.0, 3.0]))
    for layer, values in whole.items():
        torch.testing.assert_close(found[layer], values, rtol=1e-4, atol=1e-4)
    stage.save(found, tmp_path)
    layers = {k: v for k, v in stage.load(tmp_path).items() if k != "images"}
    rows = best_channels(layers, 1)
    assert [row["layer"] for row in rows] == [
        name for name in NETWORK.style_slices if not name.endswith("torgb")
    ]
    top = rows[0]
    assert top["iou"] == pytest.approx(float(found[top["layer"]][:, 1].max()))


def test_styles_of_the_codes_are_s() -> None:
    assert NETWORK.convert(CODES, Space.S).values.shape == EDIT.normal.expand(3, -1).shape
