"""Which samples a job measures: all of them, or its share where jobs divide an evaluation.

Samples are dealt in whole batches. What a network makes of an image depends, in its last digits, on
the batch that the image comes in; so shards cut where one process begins a new batch anyway, and
give the very same numbers per sample.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.errors import UserError

PIECE = 128  # samples, about, between two points that a killed run resumes from


@dataclass(frozen=True)
class Share:
    """The samples of one job: ``first`` up to, not including, ``past``.

    Attributes:
        shard: which share it is, from 0.
        shards: how many there are.
        samples: of all shares together.
        first: global number of the first sample.
        past: of the first sample behind the last.
    """

    shard: int
    shards: int
    samples: int
    first: int
    past: int

    @classmethod
    def of(cls, samples: int, batch: int, shard: int = 0, shards: int = 1) -> "Share":
        """The share of a shard: contiguous, whole batches, as equal as these allow.

        Raises:
            UserError: there is no such shard, or too few batches to give one to each.
        """
        if not 0 <= shard < shards:
            raise UserError(
                f"shard={shard}: shards={shards} are numbered 0 to {shards - 1}; "
                f"-m shards={shards} 'shard=range({shards})' runs them all."
            )
        batches = -(-samples // batch)
        if batches < shards:
            advice = f"batch={samples // shards} or " if samples >= shards else ""
            raise UserError(
                f"shards={shards}: shards are whole batches, and samples={samples} in batches of "
                f"{batch} make only {batches}; give {advice}shards={batches}."
            )
        first, past = (batches * number // shards * batch for number in (shard, shard + 1))
        return cls(shard, shards, samples, first, min(past, samples))

    def __len__(self) -> int:
        return self.past - self.first

    def pieces(self, batch: int) -> Iterator[tuple[int, int]]:
        """First and past of what is measured and stored at once.

        Pieces end at the same samples whatever the shards are, so that the store serves them all.
        """
        length = batch * max(1, PIECE // batch)
        first = self.first
        while first < self.past:
            past = min(first - first % length + length, self.past)
            yield first, past
            first = past
