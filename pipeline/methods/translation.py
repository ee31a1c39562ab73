"""Conditional GANs that translate pictures, as methods: StarGAN and AttGAN.

Style Intervention is compared with them (Liu et al. 2020, section 4.5.2). They know nothing of
latents, so any generator will do that makes pictures of the kind they were trained on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator
from pipeline.methods.edits import Edits
from pipeline.methods.gram import Progress
from pipeline.methods.reading import ReadingMethod
from pipeline.methods.translation_edit import TranslationEdit
from pipeline.regions.region import Region
from pipeline.translators.base import Translator
from pipeline.translators.files import load_translator
from pipeline.translators.forms import Untold


@dataclass
class Translation(ReadingMethod):
    """The edits of a translator, one for each of its attributes, or of one attribute.

    Args:
        name: the name of the method, and the kind of translator: ``stargan`` or ``attgan``.
        weights: the file, or the name of a shipped one.
        attribute: the one to change; None gives an edit of each.
        attributes: names of the vector's entries where the file does not hold them; None takes
            those of the published files.
        resolution: of the translator's pictures where the file does not hold it.
    """

    name: str
    weights: str
    attribute: str | None = None
    attributes: Sequence[str] | None = None
    resolution: int = 128

    def __post_init__(self) -> None:
        if self.resolution < 1:
            raise UserError(f"method.resolution={self.resolution}: must be at least 1.")
        if self.attributes is not None:
            self.attributes = tuple(map(str, self.attributes))

    @cached_property
    def translator(self) -> Translator:
        """The network."""
        return load_translator(self.weights, self.name, Untold(self.attributes, self.resolution))

    def networks(self) -> Mapping[str, object]:
        """The translator, and who says what a picture has already."""
        predictor = None if self.reader is None else self.reader.predictor
        return {"translator": self.translator, "labeller": predictor}

    def check(self, generator: Generator, region: Region) -> None:
        """Refuse pictures of another size or kind, and an attribute that it was not trained on."""
        config = self.translator.config
        if generator.resolution != config.resolution:
            raise UserError(
                f"method={self.name}: '{self.weights}' translates pictures of {config.resolution} "
                f"pixels, generator={generator.name} makes {generator.resolution}; take another "
                "generator, or other weights (method.weights=FILE)."
            )
        kind = getattr(self.reader, "name", config.domain)
        if kind != config.domain:
            raise UserError(
                f"method={self.name}: '{self.weights}' was trained on {config.domain}, "
                f"generator={generator.name} makes {kind}; take another generator, or other "
                "weights (method.weights=FILE)."
            )
        if self.attribute is not None:
            self.translator.column(self.attribute)

    def discover(
        self,
        generator: Generator,
        codes: Codes,
        region: Region,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Edits:
        """See :meth:`Method.discover`; all was learned in training."""
        self.check(generator, region)
        wanted = self.translator.config.attributes if self.attribute is None else [self.attribute]
        if progress is not None:
            progress(1, 1)
        labeller = getattr(self.networks()["labeller"], "name", "none")
        return self.found(
            tuple(self._edit(attribute, generator) for attribute in wanted),
            generator,
            region,
            seed,
            notes={"weights": self.weights, "labeller": labeller, "region": "not looked at"},
        )

    def _edit(self, attribute: str, generator: Generator) -> TranslationEdit:
        edit = TranslationEdit(
            name=f"{self.name}/{attribute}",
            generator=generator.name,
            fingerprint=generator.fingerprint,
            attribute=attribute,
            method=self.name,
            weights=self.weights,
            translator=self.translator.fingerprint,
            attributes=self.attributes,
            resolution=self.resolution,
        )
        if self.reader is not None:
            edit.see(self.reader)
        return edit
