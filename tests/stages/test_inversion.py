"""The stage of photographs: what it depends on, that it resumes, and that its result survives."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from pipeline.domains.judges import NOBODY, Judges
from pipeline.generators.base import Space
from pipeline.inversion.images import to_bytes
from pipeline.inversion.photographs import Photographs
from pipeline.inversion.projector import ProjectionSettings
from pipeline.records import MetricsLog
from pipeline.runner import Runner
from pipeline.stages.inversion import Inverted, Inverting
from pipeline.store import Store
from tests.generators.networks import small_network

GENERATOR = small_network(dtype=torch.float32)
HOW = ProjectionSettings(steps=6)


class Difference:
    name, fingerprint = "lpips_difference", "difference"

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        return (a - b).square().mean((1, 2, 3))


def photographs(count: int) -> Photographs:
    random = torch.Generator().manual_seed(0)
    images = torch.rand(count, 3, 16, 16, generator=random) * 2 - 1
    return Photographs([Path(f"{i}.png") for i in range(count)], to_bytes(images), False)


def stage(pictures: Photographs, how: ProjectionSettings = HOW, seed: int = 0) -> Inverting:
    judges = replace(NOBODY, distance=Difference())
    return Inverting(pictures, GENERATOR, how, Difference(), judges, seed)


def quiet(_done: int, _total: int) -> None:
    pass


def test_it_gives_codes_and_their_quality() -> None:
    found = stage(photographs(2)).compute(quiet)
    assert found.codes.space == Space.W_PLUS
    assert found.codes.values.shape == (2, GENERATOR.num_ws, 6)
    assert not found.codes.values.requires_grad
    assert list(found.quality) == ["psnr", "mse", "lpips_difference"]
    assert found.quality["mse"].tolist() == pytest.approx(
        (found.quality["lpips_difference"] / 4).tolist(), rel=1e-5
    )
    assert found.steps == [6, 6]


def test_the_result_survives_the_store(tmp_path: Path) -> None:
    made = stage(photographs(2))
    found = made.compute(quiet)
    made.save(found, tmp_path)
    read = made.load(tmp_path)
    assert torch.equal(read.codes.values, found.codes.values)
    assert read.codes.space == found.codes.space
    assert list(read.quality) == list(found.quality)
    assert all(torch.equal(read.quality[k], found.quality[k]) for k in found.quality)
    assert read.steps == found.steps


def test_batches_are_joined_in_their_order() -> None:
    parts = [stage(photographs(3)[i : i + 2]).compute(quiet) for i in (0, 2)]
    joined = Inverted.joined(parts)
    assert joined.codes.values.shape[0] == 3
    assert torch.equal(joined.codes.values[2:], parts[1].codes.values)
    assert joined.quality["psnr"].tolist() == [x for p in parts for x in p.quality["psnr"].tolist()]
    assert joined.steps == [6, 6, 6]


def test_the_key_follows_content_and_settings_and_not_the_names() -> None:
    pictures = photographs(2)
    renamed = replace(pictures, files=[Path("a.png"), Path("b.png")])
    own = stage(pictures).settings()
    assert stage(renamed).settings() == own
    others = [
        stage(pictures[:1]),
        stage(pictures, replace(HOW, spread=0.5)),
        stage(pictures, seed=1),
        replace(stage(pictures), distance=None),
        replace(stage(pictures), judges=Judges(None, None, None)),
        replace(stage(pictures), generator=small_network(1, torch.float32)),
    ]
    assert all(other.settings() != own for other in others)


def test_an_interrupted_run_goes_on_after_its_last_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures, computed = photographs(3), []
    compute = Inverting.compute

    def counted(self: Inverting, progress: object) -> Inverted:
        computed.append(self.photographs.names)
        if computed[-1] == ["2.png"] and len(computed) == 3:
            raise KeyboardInterrupt
        return compute(self, quiet)

    monkeypatch.setattr(Inverting, "compute", counted)

    def run() -> list[Tensor]:
        with MetricsLog(tmp_path / "metrics.jsonl") as record:
            runner = Runner(Store(tmp_path / "store"), record)
            found = [runner.run(stage(pictures[i : i + 1])).value for i in range(3)]
        return [part.codes.values for part in found]

    with pytest.raises(KeyboardInterrupt):
        run()
    resumed = run()
    assert computed == [["0.png"], ["1.png"], ["2.png"], ["2.png"]]
    assert all(torch.equal(a, b) for a, b in zip(run(), resumed, strict=True))
    assert len(computed) == 4


def test_progress_reaches_the_caller() -> None:
    seen: list[tuple[int, int]] = []
    stage(photographs(1)).compute(lambda *counts: seen.append(counts))
    assert seen == [(i + 1, 6) for i in range(6)]
