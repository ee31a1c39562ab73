from pathlib import Path

import torch

from pipeline.labelling import labelled
from pipeline.records import MetricsLog
from pipeline.runner import Runner
from pipeline.stages.labels import SHARD, Labelling, shards
from pipeline.store import Store
from tests.generators.networks import small_network
from tests.methods.labelling import ATTRIBUTES, Brightness

NETWORK = small_network(dtype=torch.float32)


def stage(shard: int = 0, count: int = 10, seed: int = 0) -> Labelling:
    return Labelling(NETWORK, Brightness(), shard, count, seed)


def quiet(done: int, total: int) -> None:
    assert 0 < done <= total


def test_labels_survive_the_store(tmp_path: Path) -> None:
    found = stage().compute(quiet)
    stage().save(found, tmp_path)
    read = stage().load(tmp_path)
    assert torch.equal(read.codes.values, found.codes.values)
    assert torch.equal(read.attributes, found.attributes)
    assert (read.names, read.labeller, read.codes.space) == (ATTRIBUTES, "brightness", "z")
    images = NETWORK.render(read.codes).clamp(-1, 1)
    torch.testing.assert_close(Brightness().standardised(images), read.attributes)


def test_every_shard_and_seed_has_codes_of_its_own() -> None:
    values = [stage(*at).compute(quiet).codes.values for at in ((0, 10), (1, 10), (0, 10, 1))]
    assert not torch.equal(values[0], values[1])
    assert not torch.equal(values[0], values[2])
    longer = stage(0, 20).compute(quiet).codes.values
    assert torch.equal(longer[:10], values[0])


def test_samples_are_dealt_to_full_shards() -> None:
    assert shards(SHARD) == [SHARD]
    assert shards(2 * SHARD + 1) == [SHARD, SHARD, 1]


def test_shards_are_joined_and_read_once(tmp_path: Path) -> None:
    with MetricsLog(tmp_path / "metrics.jsonl") as record:
        first = labelled(NETWORK, Brightness(), 40, 0, Runner(Store(tmp_path / "store"), record))
        runner = Runner(Store(tmp_path / "store"), record)
        again = labelled(NETWORK, Brightness(), 40, 0, runner)
    assert len(first.value) == 40
    assert again.key == first.key
    assert runner.times["label"].cached
    assert torch.equal(again.value.attributes, first.value.attributes)
