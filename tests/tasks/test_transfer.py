"""Transfers between pairs: what is compared with what, and that nothing is done twice."""

from pathlib import Path
from typing import Any

import pytest
import torch

from pipeline.errors import UserError
from pipeline.records import plain
from pipeline.stages.base import Progress
from pipeline.stages.transfer import Measured, Transferring
from pipeline.tasks import transfer
from pipeline.tasks.base import Findings
from pipeline.tasks.transfer import PartTransfer
from pipeline.tasks.transfer_ways import ClusterMasks, Way, Ways
from tests.tasks.transfers import NETWORK, config, experiment, runner

SWEEPS = {"sequential": [0.7, 1.5, 4], "simultaneous": [0.5, 2], "global": [0.2, 0.6]}


def task(**changes: Any) -> PartTransfer:
    settings = {"sweeps": SWEEPS, "parts": ["mouth", "eyes"], "maps": {"sequential": 1.5}}
    return PartTransfer(**{**settings, **changes})


def run(folder: Path, features: bool = False, samples: int = 10, **changes: Any) -> Findings:
    made = task(**changes)
    e = experiment(folder, features)
    made.check(e)
    return made.run(e, config(samples), runner(folder))


def test_three_ways_are_compared_for_every_part(tmp_path: Path) -> None:
    found = run(tmp_path, parts=["mouth", "eyes", "ears"], map_parts=["nose"])
    pairs = ("sequential:simultaneous", "sequential:global", "simultaneous:global")
    assert set(found.metrics) == {f"out_ratio/{p}/{k}" for p in ("mouth", "eyes") for k in pairs}
    assert all(e.n == 10 and e.ci95[0] <= e.value <= e.ci95[1] for e in found.metrics.values())
    for part in ("mouth", "eyes"):
        curve = found.details["curves"][part]
        assert [p["setting"] for p in curve["sequential"]] == [0.7, 1.5, 4]
        assert len(found.details["comparisons"][part][pairs[0]]["ratios"]) == 5
    assert list(found.details["absent"]) == ["ears", "nose"]
    assert found.pictures.keys() == {"maps"}
    assert plain(found.details)["catalog"]["layer"] == "b8.conv1"


def test_the_numbers_are_those_of_the_edits(tmp_path: Path) -> None:
    found = run(tmp_path)
    e = experiment(tmp_path)
    ways = Ways.of(e, 0, runner(tmp_path))
    edit, strength = ways.edit(Way.SIMULTANEOUS, "eyes", 2)
    assert strength == 2
    run_again = runner(tmp_path)
    codes = run_again.run(transfer.Sampling(NETWORK, 10, 0, "evaluate")).value
    order = run_again.run(transfer.Pairing(10, 0)).value
    before = NETWORK.render(codes).clamp(-1, 1)
    after = edit.apply(NETWORK, codes, strength, codes[order]).clamp(-1, 1)
    mask = ClusterMasks(ways.catalog).find(NETWORK, codes, ["eyes"])["eyes"]
    torch.testing.assert_close(mask, ways.catalog.masks(NETWORK, codes, "eyes"))
    errors = ((after - before) / 2).square().mean(1)
    outside = (errors * (1 - mask)).sum((1, 2)) / (1 - mask).sum((1, 2))
    points = found.details["curves"]["eyes"]["simultaneous"]
    assert points[1]["mse_out"]["value"] == pytest.approx(float(outside.mean()), rel=1e-5)


def test_distances_are_held_against_the_unedited_images(tmp_path: Path) -> None:
    sweeps = {"sequential": [1.5], "feature_blending": [8], "poisson_blending": [1], "global": []}
    found = run(tmp_path, True, sweeps=sweeps, maps=None, distances=True, parts=["mouth"])
    rows = found.details["distances"]
    labels = ["sequential/mouth/1.5", "feature_blending/mouth/8", "poisson_blending/mouth/1"]
    assert list(rows) == ["unedited", *labels]
    assert list(rows["unedited"]) == ["fd_test"]
    for label in labels:
        row = {name: numbers["value"] for name, numbers in rows[label].items()}
        change = row["fd_test"] - rows["unedited"]["fd_test"]["value"]
        assert row["fd_test_change"] == pytest.approx(change)
        assert row["fd_test_unedited"] > 0
    beyond = rows[labels[1]]["fd_test_beyond_sequential"]["value"]
    difference = rows[labels[1]]["fd_test"]["value"] - rows[labels[0]]["fd_test"]["value"]
    assert beyond == pytest.approx(difference)
    assert found.details["comparisons"] == {"mouth": {}}
    assert f"fd_test_change/{labels[0]}" in found.metrics


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "PIECE", 4)
    whole = run(tmp_path / "whole") if (tmp_path / "whole").mkdir() is None else None
    seen: list[int] = []
    compute = Transferring.compute

    def counted(self: Transferring, progress: Progress) -> Measured:
        if self.first == 8 and len(seen) < 3:
            seen.append(-1)
            raise KeyboardInterrupt
        seen.append(self.first)
        return compute(self, progress)

    monkeypatch.setattr(Transferring, "compute", counted)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    again = run(tmp_path)
    assert seen == [0, 4, -1, 8]
    assert whole is not None and plain(again.metrics) == plain(whole.metrics)


def test_what_cannot_be_transferred_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Did you mean way=sequential"):
        task(sweeps={"sequentail": [1]})
    with pytest.raises(UserError, match="above 0"):
        task(sweeps={"global": [0, 1]})
    with pytest.raises(UserError, match="lab"):
        task(lab="corect")
    with pytest.raises(UserError, match="metric.fid=none"):
        task(distances=True).check(experiment(tmp_path))
    with pytest.raises(UserError, match="shards=1"):
        task().run(experiment(tmp_path), config(shards=2), runner(tmp_path))


def test_another_method_has_no_catalog(tmp_path: Path) -> None:
    e = experiment(tmp_path)
    e.method = type("Other", (), {"name": "resefa"})()
    with pytest.raises(UserError, match="method=resefa.*give that"):
        task().check(e)
