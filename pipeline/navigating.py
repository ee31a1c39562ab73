"""What NaviGAN's methods need before they are asked: a distance, a spectrum, trained directions."""

import logging
from collections.abc import Iterator, Mapping

from pipeline.domains.base import Domain
from pipeline.domains.procfaces import NAME
from pipeline.errors import UserError
from pipeline.experiment import Experiment
from pipeline.generators.base import Codes
from pipeline.keys import key
from pipeline.methods.edits import Edits
from pipeline.methods.navigan_optimization import TrainedMethod
from pipeline.methods.navigan_spectrum import SpectralMethod
from pipeline.methods.perceptual_hessian import PerceptualEmbedding
from pipeline.methods.shift_training import ShiftTraining
from pipeline.runner import Result, Runner
from pipeline.stages.checkpoint_file import CheckpointFile
from pipeline.stages.navigation import TakingSpectrum, TrainingShifts

UNFINISHED = "unfinished"  # folder of the store

log = logging.getLogger(__name__)


def navigated(e: Experiment, codes: Result[Codes], seed: int, runner: Runner) -> list[str]:
    """Give a method of NaviGAN what it needs; the keys of it, none for other methods.

    A killed training goes on where it was; its curve goes to the record as it comes.

    Args:
        e: the experiment of the method.
        codes: that the method looks at.
        seed: of the run.
        runner: keeps the results.

    Raises:
        UserError: the distance that is wanted is not here, or does not know such pictures.
    """
    keys: list[str] = []
    if isinstance(e.method, SpectralMethod):
        e.method.embedding = embedding(e.method.distance, e.domain, e)
        spectrum = runner.run(TakingSpectrum(e.method, e.generator, codes.value, seed), [codes.key])
        e.method.spectrum = spectrum.value
        keys.append(spectrum.key)
    if isinstance(e.method, TrainedMethod):
        keys.append(_trained(e, e.method, codes.value, seed, runner, keys))
    return keys


def _trained(
    e: Experiment, method: TrainedMethod, codes: Codes, seed: int, runner: Runner, above: list[str]
) -> str:
    def tell(point: Mapping[str, float]) -> None:
        runner.record.write({"training": method.name, **point})
        log.info(
            "training  step %d of %d: loss %.3f, accuracy %.2f",
            point["step"],
            method.recipe.steps,
            point["loss"],
            point["accuracy"],
        )

    basis = method.basis(e.generator, codes, seed, None)
    stage = TrainingShifts(method, e.generator, basis, seed, tell=tell)
    own = key(stage.name, stage.version, dict(stage.settings()), above)
    stage.keeper = CheckpointFile(runner.store.root / UNFINISHED / f"{own}.pt")
    found = runner.run(stage, above)
    stage.keeper.discard()
    method.trained = found.value
    return found.key


def training_curve(edits: Edits) -> Iterator[tuple[int, dict[str, float]]]:
    """The curve behind trained directions, by step; nothing for other edits."""
    if isinstance(edits.notes.get("accuracy"), float) and "curve" in edits.extra:
        for row in edits.extra["curve"].tolist():
            point = dict(zip(ShiftTraining.curve, row, strict=True))
            yield int(point.pop("step")), {f"training/{k}": v for k, v in point.items()}


def embedding(wish: str, domain: Domain, e: Experiment | None = None) -> PerceptualEmbedding:
    """The distance's features that a Hessian is taken of.

    Args:
        wish: ``embedded``, ``lpips``, ``lpips_vgg``, or ``auto``: the first for the embedded
            domain, the last else.
        domain: what the pictures are of.
        e: tells the device; None is the CPU.

    Raises:
        UserError: the weights are not here, or the embedded network does not know the pictures.
    """
    from pipeline.evaluators.embedded import EmbeddedDistance
    from pipeline.evaluators.embedding import EmbeddedFeatureVectors, LPIPSFeatureVectors
    from pipeline.evaluators.lpips import LPIPS

    device = "cpu" if e is None else e.device
    if wish == "embedded" or (wish == "auto" and domain.name == NAME):
        if domain.name != NAME:
            raise UserError(
                "method.distance=embedded: the embedded network knows rendered faces alone; take "
                "lpips_vgg, or lpips."
            )
        return EmbeddedFeatureVectors(EmbeddedDistance.load().to(device))
    return LPIPSFeatureVectors(LPIPS("alex" if wish == "lpips" else "vgg").to(device))
