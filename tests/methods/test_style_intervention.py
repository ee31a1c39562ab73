"""The method, its edit, its masks and its stage, on a small network."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Space
from pipeline.intervening import prepare, senses
from pipeline.methods.edits import Edits
from pipeline.methods.intervention_edit import InterventionEdit, code_names
from pipeline.methods.labels import read
from pipeline.methods.style_intervention import Match, StyleIntervention
from pipeline.methods.target_parts import Target, target_parts
from pipeline.records import MetricsLog
from pipeline.regions.box import Box
from pipeline.runner import Runner
from pipeline.stages.intervention import Intervening
from pipeline.store import Store
from tests.generators.networks import small_network
from tests.methods.labelling import Brightness, Halves, Scenes

NETWORK = small_network(dtype=torch.float32)
SAMPLES = NETWORK.sample(200, torch.Generator().manual_seed(2))
LABELS = read(NETWORK, Brightness(), SAMPLES)
CODES = NETWORK.sample(4, torch.Generator().manual_seed(9))
BOX = Box("box", [0.5, 0.5], [0.5, 0.5])


def made(**options: Any) -> StyleIntervention:
    settings = {
        "attribute": "top", "num_samples": 200, "share": 0.2, "num_codes": 20, "steps": 8,
        "rate": 0.15, "reach": 0.3, "C": 0.1,
    } | options  # fmt: skip
    method = StyleIntervention(**settings)
    method.reader, method.labels = Scenes(), LABELS  # type: ignore[assignment]
    return method


def edit_of(**options: Any) -> InterventionEdit:
    edit = made(**options).discover(NETWORK, SAMPLES[:20], BOX)[0]
    assert isinstance(edit, InterventionEdit)
    return edit


EDIT = edit_of()


def outside_error(edited: Tensor, rows: slice = slice(10, 16)) -> float:
    return float((edited - NETWORK.render(CODES))[:, :, rows].square().mean())


def test_parts_come_from_the_table_the_domain_or_the_foreground() -> None:
    parts, known = Scenes.parts, Scenes.attribute_parts
    assert target_parts("even", {}, known, parts) == (2,)
    assert target_parts("bright", {}, known, parts) == (1, 2)  # of the face: not the background
    assert target_parts("even", {"even": ["upper"]}, known, parts) == (1,)
    assert target_parts("even", {"even": ["foreground"]}, known, parts) == (1, 2)
    with pytest.raises(UserError, match="part"):
        target_parts("even", {"even": ["nose"]}, known, parts)
    with pytest.raises(UserError, match="method.parts.wide"):
        target_parts("wide", {}, known, parts)


def test_what_should_stay_begins_behind_the_margin() -> None:
    labels = Halves().parse(torch.zeros(2, 3, 8, 8))
    assert torch.equal(Target((1,)).outside(labels, 8)[:, :, 3].sum(1), torch.tensor([5.0, 5.0]))
    wide = Target((1,), margin=1 / 8).outside(labels, 8)
    assert torch.equal(wide[0, :, 3], torch.tensor([0.0, 0, 0, 0, 0, 1, 1, 1]))
    double = Target((1,)).outside(labels, 16)
    assert torch.equal(double[0, :, 3].sum(), torch.tensor(10.0))


def test_it_keeps_what_lies_outside_better_than_the_latent_edit() -> None:
    with torch.no_grad():
        latent, _ = EDIT.displacements(NETWORK, CODES, 1)
        styles = NETWORK.convert(CODES, Space.S)
        plain = NETWORK.render(styles.with_values(styles.values + latent))
        ours = EDIT.apply(NETWORK, CODES, 1.0)
    assert outside_error(ours) < 0.8 * outside_error(plain)
    assert float((ours - plain).abs().max()) > 1e-3


def test_the_displacement_is_a_straight_line_and_zero_is_no_edit() -> None:
    torch.testing.assert_close(EDIT.apply(NETWORK, CODES, 0.0), NETWORK.render(CODES))
    moved = EDIT.displacement(NETWORK, CODES, 1)
    styles = NETWORK.convert(CODES, Space.S)
    half = NETWORK.render(styles.with_values(styles.values + 0.5 * moved))
    torch.testing.assert_close(EDIT.apply(NETWORK, CODES, 0.5), half)


def test_both_senses_are_solved_unless_one_mirrors_the_other() -> None:
    back = EDIT.displacement(NETWORK, CODES, -1)
    assert not torch.allclose(back, -EDIT.displacement(NETWORK, CODES, 1))
    mirrored = edit_of(mirror=True)
    torch.testing.assert_close(
        mirrored.displacement(NETWORK, CODES, -1), -mirrored.displacement(NETWORK, CODES, 1)
    )
    assert senses(EDIT, [1.0, -2.0, 0.0]) == [1, -1]
    assert senses(mirrored, [-2.0]) == [1]
    assert senses(EDIT, [0.0]) == []
    signs = torch.tensor([1.0, -1.0, 0.0, 1.0])
    mixed = EDIT.apply(NETWORK, CODES, signs)
    torch.testing.assert_close(mixed[1:2], EDIT.apply(NETWORK, CODES[1:2], -1.0))
    torch.testing.assert_close(mixed[2:3], NETWORK.render(CODES[2:3]))


def test_codes_are_solved_once_and_within_inference_mode() -> None:
    edit, calls = edit_of(), []
    original = edit.solve

    def counted(*args: Any) -> Any:
        calls.append(len(args[1]))
        return original(*args)

    object.__setattr__(edit, "solve", counted)
    with torch.inference_mode():
        first = edit.apply(NETWORK, CODES[:3], 1.0)
        again = edit.apply(NETWORK, CODES, 1.0)
    assert calls == [3, 1]
    torch.testing.assert_close(again[:3], first)
    assert len(set(code_names(CODES))) == 4


def test_a_file_needs_a_parser_again(tmp_path: Path) -> None:
    edits = made().discover(NETWORK, SAMPLES[:20], BOX)
    edits.save(tmp_path / "edits.safetensors")
    loaded = Edits.load(tmp_path / "edits.safetensors")[0]
    assert isinstance(loaded, InterventionEdit)
    assert loaded.digest == EDIT.digest
    with pytest.raises(UserError, match="give it a reader"):
        loaded.apply(NETWORK, CODES, 1.0)
    loaded.see(Scenes())
    torch.testing.assert_close(loaded.apply(NETWORK, CODES, 1.0), EDIT.apply(NETWORK, CODES, 1.0))


def test_both_ways_to_measure_the_normal() -> None:
    with torch.no_grad():
        latent, normal = EDIT.displacements(NETWORK, SAMPLES[:20], 1)
    unit = normal[0] / normal[0].norm()
    assert float((latent @ unit).mean()) == pytest.approx(float(normal[0].norm()), rel=1e-3)
    other = made(match="attribute").discover(NETWORK, SAMPLES[:20], BOX)
    assert other.notes["options"]["match"] == Match.ATTRIBUTE
    assert "normal_reached" in other.notes


def test_w_serves_codes_without_a_z() -> None:
    edit = edit_of(displacement="w")
    w_plus = NETWORK.convert(CODES, Space.W_PLUS)
    torch.testing.assert_close(
        edit.apply(NETWORK, w_plus, 1.0), edit.apply(NETWORK, CODES, 1.0), rtol=1e-3, atol=1e-3
    )


def runner_at(folder: Path) -> Runner:
    folder.mkdir(exist_ok=True)
    return Runner(Store(folder / "store"), MetricsLog(folder / "metrics.jsonl"))


def test_a_killed_stage_goes_on_at_its_layer(tmp_path: Path, monkeypatch: Any) -> None:
    from pipeline.methods import intervention

    solve_layer, made_layers = intervention.solve_layer, []

    def dying(*args: Any) -> Any:
        if len(made_layers) == 5:
            raise KeyboardInterrupt
        made_layers.append(args[2])
        return solve_layer(*args)

    store = Store(tmp_path / "store")
    stage = Intervening(edit_of(), NETWORK, CODES, 1, Halves(), store)
    monkeypatch.setattr(intervention, "solve_layer", dying)
    with pytest.raises(KeyboardInterrupt):
        stage.compute(lambda _done, _total: None)
    monkeypatch.setattr(
        intervention, "solve_layer", lambda *a: made_layers.append(a[2]) or solve_layer(*a)
    )
    found = stage.compute(lambda _done, _total: None)
    assert made_layers == list(NETWORK.style_slices)  # each once
    torch.testing.assert_close(found.coefficients, EDIT.coefficients(NETWORK, CODES, 1))
    (tmp_path / "entry").mkdir()
    stage.save(found, tmp_path / "entry")
    torch.testing.assert_close(stage.load(tmp_path / "entry").pixel, found.pixel)


def test_a_job_prepares_per_image_edits_and_no_others(tmp_path: Path) -> None:
    edit = edit_of()
    runner = runner_at(tmp_path)
    with runner.record:
        prepare([edit], NETWORK, CODES, [1.0], Scenes(), runner)  # type: ignore[arg-type]
        assert edit.remembers(CODES, 1)
        assert not edit.remembers(CODES, -1)
        assert list(runner.times) == ["intervene"]
        prepare([edit], NETWORK, CODES, [1.0], Scenes(), runner)  # type: ignore[arg-type]


def test_wrong_options_are_told() -> None:
    with pytest.raises(UserError, match="displacement"):
        made(displacement="s")
    with pytest.raises(UserError, match="match"):
        made(match="none")
    with pytest.raises(UserError, match="margin"):
        made(margin=0.7)
    with pytest.raises(UserError, match="part"):
        made(parts={"top": ["ceiling"]}).check(NETWORK, BOX)
