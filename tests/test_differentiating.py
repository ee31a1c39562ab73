"""A sweep over regions pays for one pass over the Jacobian, and finds what each alone finds."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from pipeline.differentiating import MAX_BYTES, differentiated, known_regions, together
from pipeline.domains.base import Domain
from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator
from pipeline.methods import gram
from pipeline.methods.edits import DirectionEdit, Edits
from pipeline.methods.jacobian import Linearisation
from pipeline.methods.lowrankgan import LowRankGAN
from pipeline.methods.region_method import RegionMethod
from pipeline.methods.resefa import ReSeFa
from pipeline.methods.sefa import SeFa
from pipeline.records import MetricsLog
from pipeline.regions.box import Box
from pipeline.runner import Runner
from pipeline.stages.discovery import Discovery
from pipeline.stages.inputs import Sampling
from pipeline.store import Store
from tests.generators.conditional import small_biggan
from tests.generic import WaveGenerator

NAMES = ("brows", "eyes", "glasses", "hair", "mouth", "nose")
MOUTH = Box("box", [0.7, 0.5], [0.25, 0.5])


class Shade:
    """Finds a part where the picture is bright: elsewhere in every image."""

    name = fingerprint = "shade"

    def parse(self, images: Tensor) -> Tensor:
        return (images.mean(1) > 0).to(torch.uint8)


class Faces(Domain):
    """Faces whose hair is what is bright."""

    name = frame = "procfaces"
    parts = ("rest", "hair")
    parser = Shade()
    fingerprint = reference = "none"

    def reference_images(self) -> Any: ...
    def judges(self, fid: str, id: str, lpips: str) -> Any: ...  # noqa: A002
    def suited(self, generator: Generator, makes: str | None) -> Any: ...


def experiment(method: Any, region: str, generator: Generator) -> Any:
    """What a job of a sweep has at hand."""
    settings, found = next(known for known in known_regions(Faces()) if known[1].name == region)
    parts = {"domain": Faces(), "generator": generator, "method": method}
    return SimpleNamespace(**parts, region=found, region_settings=settings, method_settings={})


def discovered(e: Any, runner: Runner, count: int = 2) -> Edits:
    """The first stages of a job."""
    seen = runner.run(Sampling(e.generator, count, 0, "discover"))
    made = differentiated(e, seen, runner)
    settings = (e.region, e.region_settings, {"method": e.method.name}, 0)
    return runner.run(
        Discovery(e.method, e.generator, seen.value, *settings), [seen.key, *made]
    ).value


@pytest.fixture
def runner(tmp_path: Path) -> Any:
    with MetricsLog(tmp_path / "metrics.jsonl") as record:
        yield Runner(Store(tmp_path / "store"), record)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry per image that is differentiated."""
    counted: list[int] = []

    class Counted(Linearisation):
        def __init__(self, *arguments: Any) -> None:
            counted.append(1)
            super().__init__(*arguments)

    monkeypatch.setattr(gram, "Linearisation", Counted)
    return counted


def directions(edits: Edits) -> Tensor:
    return torch.stack([edit.direction for edit in edits if isinstance(edit, DirectionEdit)])


def codes_of(generator: Generator, count: int) -> Codes:
    return Sampling(generator, count, 0, "discover").compute(lambda _done, _total: None)


CASES = [
    (lambda **options: ReSeFa(num_directions=3, **options), {}, WaveGenerator),
    (lambda **options: ReSeFa(num_directions=3, solver="woodbury", **options), {}, WaveGenerator),
    (lambda **options: ReSeFa(num_directions=3, **options), {"space": "w+", "layers": [1, 3]},
     WaveGenerator),
    (lambda **options: LowRankGAN(lamb=1.0, num_relax=2, **options), {}, WaveGenerator),
    (lambda **options: ReSeFa(num_directions=3, **options), {"space": "z"},
     lambda: small_biggan(torch.float32)),
]  # fmt: skip
NAMED = ["w", "woodbury", "w+", "lowrankgan", "z of BigGAN"]


@pytest.mark.parametrize("num_codes", [1, 2])
@pytest.mark.parametrize(("method", "options", "generator"), CASES, ids=NAMED)
def test_a_sweep_over_regions_pays_for_one_pass(
    method: Any, options: Any, generator: Any, num_codes: int, runner: Runner, passes: list[int]
) -> None:
    network = generator()
    swept = [
        discovered(experiment(method(num_codes=num_codes, **options), name, network), runner)
        for name in NAMES
    ]
    assert len(passes) == num_codes
    codes = codes_of(network, 2)
    for name, found in zip(NAMES, swept, strict=True):
        alone: RegionMethod = method(num_codes=num_codes, **options)
        region = experiment(alone, name, network).region
        apart = alone.discover(network, codes, region)
        atol = 1e-9 if directions(apart).dtype == torch.float64 else 1e-6
        torch.testing.assert_close(directions(found), directions(apart), rtol=0, atol=atol)
        torch.testing.assert_close(found.extra["eigenvalues"], apart.extra["eigenvalues"])
        assert found.notes["one_pass_for"] == list(NAMES)
        assert found.notes["seconds"]["jacobian"] == swept[0].notes["seconds"]["jacobian"]
    assert len(passes) == num_codes * (1 + len(NAMES))


def test_matrices_are_those_of_a_pass_of_their_own_to_rounding() -> None:
    """The background too: it is a sum over pixels, not a difference of large matrices."""
    generator, method = WaveGenerator(), ReSeFa(num_codes=2)
    codes, regions = codes_of(generator, 2), [region for _, region in known_regions(Faces())]
    shared = method.differentiate(generator, codes, regions)
    for number, region in enumerate(regions):
        own = method.differentiate(generator, codes, [region]).matrices()
        torch.testing.assert_close(shared.matrices(number), own, rtol=1e-12, atol=1e-14)


def test_methods_that_agree_on_the_jacobian_share_it(runner: Runner, passes: list[int]) -> None:
    generator = WaveGenerator()
    discovered(experiment(ReSeFa(channels="mean", chunk=4), "mouth", generator), runner)
    discovered(experiment(LowRankGAN(lamb=1.0, chunk=4), "nose", generator), runner)
    assert len(passes) == 1
    discovered(experiment(ReSeFa(channels="sum", chunk=4), "mouth", generator), runner)
    assert len(passes) == 2


def test_a_region_of_ones_own_has_its_own_pass(runner: Runner, passes: list[int]) -> None:
    generator = WaveGenerator()
    discovered(experiment(ReSeFa(), "mouth", generator), runner)
    e = experiment(ReSeFa(), "mouth", generator)
    e.region, e.region_settings = MOUTH, {"name": "box", "centre": [0.7, 0.5]}
    assert [region.name for _, region in together(e)] == ["box"]
    found = discovered(e, runner)
    assert len(passes) == 2
    apart = ReSeFa().discover(generator, codes_of(generator, 2), MOUTH)
    torch.testing.assert_close(directions(found), directions(apart), rtol=0, atol=1e-9)


def test_a_region_that_does_not_fit_the_method_is_left_out() -> None:
    """At 4 x 4 pixels the mouth covers the centre of none; who asks for it is told elsewhere."""
    e = experiment(ReSeFa(jacobian_resolution=2), "hair", WaveGenerator())
    kept = {region.name for _, region in together(e)}
    assert "hair" in kept
    assert kept < set(NAMES)


def test_who_needs_no_matrices_gets_none(
    runner: Runner, passes: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = WaveGenerator()
    seen = runner.run(Sampling(generator, 2, 0, "discover"))
    for method in (SeFa(), ReSeFa(solver="matrix_free")):
        assert differentiated(experiment(method, "mouth", generator), seen, runner) == []
    monkeypatch.setattr("pipeline.differentiating.MAX_BYTES", 8 * 6**2 * 12 - 1)
    assert MAX_BYTES > 0
    assert differentiated(experiment(ReSeFa(), "mouth", generator), seen, runner) == []
    assert passes == []


def test_a_region_seen_nowhere_is_told_to_who_asks_for_it(runner: Runner) -> None:
    class Dark(Shade):
        def parse(self, images: Tensor) -> Tensor:
            return torch.zeros(images.shape[0], *images.shape[2:], dtype=torch.uint8)

    mouth, hair = (experiment(ReSeFa(), name, WaveGenerator()) for name in ("mouth", "hair"))
    for e in (mouth, hair):
        e.domain.parser = Dark()
        if e is hair:
            e.region.parser = e.domain.parser.parse
    assert len(discovered(mouth, runner)) > 0
    with pytest.raises(UserError, match="region=hair has no pixel in any of the images"):
        discovered(hair, runner)
