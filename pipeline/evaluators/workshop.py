"""Makes the shipped evaluators: trains, measures, writes weights and cards."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.datasets.procfaces.dataset import RenderedFaces, render_dataset
from pipeline.datasets.procfaces.factors import FACTORS, NAMES
from pipeline.datasets.procfaces.parts import PARTS
from pipeline.evaluators import cards, comparing, identifying, reading, shipped
from pipeline.evaluators.embedded import (
    AttributeRegressor,
    Embedded,
    EmbeddedDistance,
    EmbeddedFeatures,
    FaceParser,
)
from pipeline.evaluators.networks import Reader
from pipeline.evaluators.training import Report, Schedule, train

READER_BATCH = 32
FAMILIES_PER_STEP, VIEWS_PER_STEP = 12, 4


@dataclass(frozen=True)
class Product:
    """A trained evaluator and the content of its card."""

    evaluator: Embedded
    title: str
    about: str
    training: cards.Training
    quality: Sequence[str]
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Workshop:
    """One run of the training script.

    Attributes:
        data: folder of rendered faces.
        work: folder of checkpoints and of the rendered families.
        out: folder of the weights and cards.
        seed: of all randomness.
        reader_steps: length of the training of parser, regressor and features.
        identity_steps: length of the training of the identity.
        families: number of families of persons to train the identity on.
        held_out: number of fresh renders to measure on.
        command: what the user typed, for the cards.
        reporter: makes the progress callback of a named training.
    """

    data: Path
    work: Path
    out: Path
    seed: int
    reader_steps: int
    identity_steps: int
    families: int
    held_out: int
    command: str
    reporter: Callable[[str], Report]

    def make(self, names: Iterable[str]) -> Iterator[str]:
        """Make evaluators by name; yields the card of each once it is written."""
        makers: dict[str, Callable[[], Product]] = {
            "parser": self.parser,
            "regressor": self.regressor,
            "features": self.features,
            "identity": self.identity,
        }
        self.out.mkdir(parents=True, exist_ok=True)
        for name in names:
            yield self._write(makers[name]())

    def parser(self) -> Product:
        """The face parser."""
        return Product(
            self._split[0],
            "Face parser of the embedded domain",
            f"Labels each pixel of a 64 x 64 face as one of {len(PARTS)} parts. A small U-Net "
            "(16 to 96 channels), trained together with the regressor.",
            self._reader_training,
            cards.parser_quality(self._reader_quality),
        )

    def regressor(self) -> Product:
        """The attribute regressor."""
        quality = self._reader_quality
        return Product(
            self._split[1],
            "Attribute regressor of the embedded domain",
            f"Reads the {len(NAMES)} factors a face was drawn from off the image, in the "
            "renderer's units. The parser's trunk, a summary of 128 numbers and a linear head.",
            self._reader_training,
            cards.regressor_quality(quality, {factor.name: factor.kind for factor in FACTORS}),
            {"readable": quality.readable},
        )

    def features(self) -> Product:
        """The features of ``fd_embedded`` and ``lpips_embedded``."""
        features, distance = self._split[2], EmbeddedDistance()
        distance.load_state_dict(features.state_dict())
        distance.eval().requires_grad_(False)
        comparisons = comparing.compare(features, distance, min(self.held_out, 500))
        return Product(
            features,
            "Features of the embedded domain",
            "The regressor's trunk and its summary of 128 numbers, from which part labels and "
            "all factors of a face can be read: what they say of an image is what the domain "
            "consists of. `fd_embedded` is a Fréchet distance of the 128 numbers, "
            "`lpips_embedded` the form of LPIPS on the five levels of the encoder with equal "
            "weights. Neither compares with FID or LPIPS.",
            self._reader_training,
            cards.features_quality(comparisons),
        )

    def identity(self) -> Product:
        """The identity embedding."""
        identifier = identifying.new_identifier(self._reader[0], self.seed)
        folder = self.work / "families64"
        count = self.families * identifying.FAMILY
        sampler = identifying.family_factors
        render_dataset(folder, count, self.seed, sampler=sampler, report=self._rendering())
        faces = RenderedFaces(folder)
        loss = identifying.identity_loss(identifier, faces, FAMILIES_PER_STEP, VIEWS_PER_STEP)
        batch = FAMILIES_PER_STEP * identifying.SIBLINGS * VIEWS_PER_STEP
        schedule = Schedule(self.identity_steps, batch, rate=1e-3, seed=self.seed)
        checkpoint = self.work / "identity.pt"
        seconds = train(identifier, loss, schedule, checkpoint, self.reporter("identity"))
        data = (
            f"{count} faces of {self.families * identifying.SIBLINGS} persons in families of "
            f"{identifying.SIBLINGS} that share half of their identity factors (hard negatives)"
        )
        evaluator = identifying.ship(identifier)
        quality = identifying.measure(evaluator, max(self.held_out // 10, 8))
        return Product(
            evaluator,
            "Identity embedding of the embedded domain",
            "Unit vectors of 64 numbers whose cosine says whether two faces have the same identity "
            "factors, whatever expression, pose, light and background. Supervised contrastive "
            "training, starting from the regressor's trunk and summary.",
            cards.Training(self.command, data, faces.recipe, schedule, seconds / 60),
            cards.identity_quality(quality),
        )

    def _write(self, product: Product) -> str:
        provenance = {
            "parts": PARTS,
            "factors": NAMES,
            "data": asdict(product.training.recipe),
            "seed": self.seed,
            "steps": product.training.schedule.steps,
            **product.extra,
        }
        path = self.out / product.evaluator.file
        shipped.save(path, product.evaluator, provenance)
        text = cards.card(product.title, product.about, product.training, product.quality)
        path.with_suffix(".md").write_text(text, "utf-8")
        return f"{path}\n\n{text}"

    def _rendering(self) -> Callable[[int, int], None]:
        report = self.reporter("rendering families")
        return lambda done, total: report(done, total, math.nan)

    @cached_property
    def _faces(self) -> RenderedFaces:
        return RenderedFaces(self.data)

    @cached_property
    def _reader(self) -> tuple[Reader, cards.Training]:
        reader = reading.new_reader(self.seed)
        schedule = Schedule(self.reader_steps, READER_BATCH, seed=self.seed)
        loss = reading.reader_loss(reader, self._faces, READER_BATCH)
        seconds = train(reader, loss, schedule, self.work / "reader.pt", self.reporter("reader"))
        recipe = self._faces.recipe
        data = (
            f"{recipe.count} faces from `python scripts/render_procfaces.py "
            f"--count {recipe.count} --seed {recipe.seed}`"
        )
        return reader, cards.Training(self.command, data, recipe, schedule, seconds / 60)

    @property
    def _reader_training(self) -> cards.Training:
        return self._reader[1]

    @cached_property
    def _split(self) -> tuple[FaceParser, AttributeRegressor, EmbeddedFeatures]:
        return reading.split(self._reader[0], *reading.standardisation(self._faces))

    @cached_property
    def _reader_quality(self) -> reading.ReaderQuality:
        parser, regressor, _ = self._split
        return reading.measure(parser, regressor, self.held_out)
