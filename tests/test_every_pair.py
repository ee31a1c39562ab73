"""Every method on every shipped and small random generator: it runs, or says why it cannot."""

import re
from pathlib import Path

import pytest
import torch

from pipeline.discovering import discovered
from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.generators.base import Codes
from pipeline.intervening import prepare
from pipeline.methods import shift_training
from pipeline.methods.edits import Edit
from pipeline.records import MetricsLog
from pipeline.runner import Runner
from pipeline.store import Store
from tests.every_pair import METHODS, RANDOM, SHIPPED, experiment_of, saved_edits

WAY_OUT = re.compile(r"\b(take|use|add|give|works with|say which|leave|choose|make)\b")
KINDS = re.compile(r"StyleGAN|PGGAN|BigGAN|pix2pixHD|another generator|generator=|method\.\w+=")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What all pairs share: labels, catalogs and passes that were made for another method."""
    return tmp_path_factory.mktemp("pairs")


@pytest.fixture(autouse=True)
def few_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What NaviGAN's training is tested on."""
    monkeypatch.setattr(shift_training, "HELD_OUT", 4)


def pair(method: str, generator: str, folder: Path) -> Experiment:
    return experiment_of(method, generator, saved_edits(generator, folder / f"{generator}.edits"))


def refusal(e: Experiment) -> str | None:
    try:
        e.method.check(e.generator, e.region)
    except UserError as error:
        return str(error)
    return None


@pytest.mark.parametrize("generator", [*SHIPPED, *RANDOM])
@pytest.mark.parametrize("method", METHODS)
def test_it_runs_or_says_why_not(method: str, generator: str, folder: Path) -> None:
    e = pair(method, generator, folder)
    codes = e.generator.sample(3, torch.Generator().manual_seed(1))
    why = refusal(e)
    if why is None:
        edits_change_what_they_should(e, codes, folder)
        return
    assert "\n" not in why
    assert f"generator={e.generator.name}" in why or f"method={method}" in why
    assert WAY_OUT.search(why) and KINDS.search(why), why
    with pytest.raises(UserError, match=re.escape(why)):
        e.method.discover(e.generator, codes, e.region)


def edits_change_what_they_should(e: Experiment, codes: Codes, folder: Path) -> None:
    """Nothing at a strength of 0, something at 1, in images of the generator's shape."""
    with MetricsLog(folder / "metrics.jsonl") as record:
        runner = Runner(Store(folder / "store"), record)
        edits = discovered(e, 0, runner).value
        prepare(edits, e.generator, codes, [1.0], e.domain, runner)
    assert len(edits) > 0
    with torch.no_grad():
        images_are_edited(e, codes, list(edits)[:2])


def images_are_edited(e: Experiment, codes: Codes, edits: list[Edit]) -> None:
    original = e.generator.render(codes)
    size = e.generator.resolution
    assert original.shape == (3, 3, size, size)
    changes = []
    for edit in edits:
        taken = codes[torch.tensor([1, 2, 0])] if edit.needs_reference else None
        still, moved = (edit.apply(e.generator, codes, s, taken) for s in (0.0, 1.0))
        assert moved.shape == original.shape
        assert bool(moved.isfinite().all())
        still, shown = still.clamp(-1, 1), original.clamp(-1, 1)  # pixels are edited as they show
        torch.testing.assert_close(still, shown, rtol=0, atol=1e-4)
        changes.append(float((moved - original).abs().max()))
    assert max(changes) > 0  # StyleSpace takes channels that do little in a random network


def test_nothing_is_left_out(folder: Path) -> None:
    """Every method runs somewhere, and every generator has a method that runs."""
    runs = {
        (method, generator)
        for method in METHODS
        for generator in (*SHIPPED, *RANDOM)
        if refusal(pair(method, generator, folder)) is None
    }
    assert {method for method, _ in runs} == set(METHODS)
    assert {generator for _, generator in runs} == {*SHIPPED, *RANDOM}
    assert len(SHIPPED) >= 3
