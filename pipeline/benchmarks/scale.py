"""Two dimensions of scale: what editing and measuring takes, by resolution and number of samples.

The networks have random weights and the judges are the embedded ones: what is measured depends on
sizes only. Every point is a process of its own, whose memory is watched from after its first image.
"""

import json
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from pipeline.benchmarks.jacobian import MOUTH, Case
from pipeline.benchmarks.memory import Prepared, peak_bytes
from pipeline.domains.procfaces import ProcFaces
from pipeline.evaluators.embedded import EmbeddedFeatures
from pipeline.generators.base import Codes, Space
from pipeline.generators.stylegan2 import StyleGAN2, channels_for
from pipeline.measures import MeasureFactory, Measures
from pipeline.methods.edits import DirectionEdit
from pipeline.records import MetricsLog
from pipeline.runner import Runner
from pipeline.shards import Share
from pipeline.stages.evaluation import Evaluating, Trial
from pipeline.stages.inputs import Reference, Sampling
from pipeline.store import Store

CHANNEL_BASE = 4096  # a quarter of the official channels
W_DIM = 128
ALLOWED_GROWTH = 1.1, 2**25  # of the peak, by samples: the system counts in blocks, and caches fill


@dataclass(frozen=True)
class Point:
    """What one job took.

    Attributes:
        seconds: of editing and measuring, in processor time where there is one thread.
        peak: bytes beyond network, judges and libraries; None where it cannot be measured.
    """

    resolution: int
    samples: int
    batch: int
    seconds: float
    peak: int | None

    @property
    def per_sample(self) -> float:
        """Seconds of one sample: rendered as it is and edited twice, and measured."""
        return self.seconds / self.samples


def case_of(resolution: int) -> Case:
    """The network of a resolution."""
    return Case(resolution, channels_for(resolution, CHANNEL_BASE), w_dim=W_DIM)


def measure(resolution: int, samples: int, batch: int) -> Point:
    """Run a job in a process of its own.

    Args:
        resolution: of the images.
        samples: edited and measured.
        batch: of them at once.
    """
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        peak = peak_bytes(prepared, case_of(resolution), samples, batch, place)
        seconds = json.loads((place / "seconds.json").read_text())
    return Point(resolution, samples, batch, seconds, peak)


def prepared(case: Case, samples: int, batch: int, folder: Path) -> Prepared:
    """A job with everything loaded, and one image seen; it writes the seconds that it takes."""
    network, domain = case.network(), ProcFaces()
    judges, features = domain.judges("embedded", "embedded", "embedded"), EmbeddedFeatures.load()
    with MetricsLog(folder / "warm.jsonl") as record:
        runner = Runner(Store(folder / "warm"), record)
        reference = runner.run(Reference(domain, features)).value
        factory = MeasureFactory(judges, reference, domain.predictor)
        edited(network, factory, 1, 1, runner)

    def work() -> None:
        begun = time.process_time()
        with MetricsLog(folder / "metrics.jsonl") as record:
            edited(network, factory, samples, batch, Runner(Store(folder / "store"), record))
        (folder / "seconds.json").write_text(json.dumps(time.process_time() - begun))

    return work


def edited(
    network: StyleGAN2, factory: MeasureFactory, samples: int, batch: int, runner: Runner
) -> dict[str, Measures]:
    """Samples as they are and moved either way along one direction, measured piece by piece."""
    trials = [Trial("unedited", None), *(Trial(str(s), _edit(network), s) for s in (-1.0, 1.0))]
    codes: Codes = runner.run(Sampling(network, samples, 0, "evaluate")).value
    total: dict[str, Measures] = {}
    for first, past in Share.of(samples, batch).pieces(batch):
        piece = codes[first:past]
        stage = Evaluating(trials, network, piece, first, MOUTH, {"name": "mouth"}, factory, batch)
        for label, measures in runner.run(stage).value.items():
            total.setdefault(label, factory.new()).merge(measures)
    return total


def _edit(network: StyleGAN2) -> DirectionEdit:
    direction = torch.full((W_DIM,), 1 / math.sqrt(W_DIM))
    return DirectionEdit(
        name="even",
        generator=network.name,
        fingerprint=network.fingerprint,
        direction=direction,
        space=Space.W,
    )


def growth(points: Sequence[Point]) -> Mapping[int, tuple[int, int]]:
    """By resolution, the peak of the fewest samples and of the most, where both are known."""
    found: dict[int, tuple[int, int]] = {}
    for resolution in dict.fromkeys(point.resolution for point in points):
        of_it = sorted(
            (point.samples, point.peak)
            for point in points
            if point.resolution == resolution and point.peak is not None
        )
        if len(of_it) > 1:
            found[resolution] = of_it[0][1], of_it[-1][1]
    return found


def bounded(few: int, many: int) -> bool:
    """Whether memory does not grow with the samples."""
    factor, bytes_ = ALLOWED_GROWTH
    return many <= max(factor * few, few + bytes_)


def text(points: Sequence[Point]) -> str:
    """The table, and a verdict per resolution."""
    lines = [f"{'pixels':>7}{'samples':>9}{'batch':>7}{'ms a sample':>13}{'peak MB':>9}"]
    for p in points:
        peak = "unknown" if p.peak is None else f"{p.peak / 1e6:.0f}"
        lines.append(f"{p.resolution:7}{p.samples:9}{p.batch:7}{1e3 * p.per_sample:13.1f}{peak:>9}")
    for resolution, (few, many) in growth(points).items():
        holds = "is bounded" if bounded(few, many) else "GROWS with the samples"
        lines.append(f"{resolution} px: memory {holds} ({few / 1e6:.0f} to {many / 1e6:.0f} MB)")
    return "\n".join(lines)


def report(
    resolutions: Sequence[int], samples: Sequence[int], batch: int, out: Path | None
) -> list[Point]:
    """Measure every combination, print as they come, and write ``scale.json`` where told."""
    points: list[Point] = []
    for resolution in resolutions:
        for count in samples:
            points.append(measure(resolution, count, batch))
            print(text(points[-1:]).splitlines()[1], flush=True)
    print(f"\n{text(points)}\none thread, torch {torch.__version__}; one sample is one image as it")
    print("is and two edits of it, with all metrics; memory beyond network, judges and libraries")
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / "scale.json").write_text(json.dumps([asdict(p) for p in points], indent=1) + "\n")
    return points
