"""Edits by a translator: what looks at the picture itself, and not at its code."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator
from pipeline.methods.edits import Edit
from pipeline.methods.reader import Reader
from pipeline.translators.base import Translator
from pipeline.translators.files import load_translator
from pipeline.translators.forms import Untold

UNKNOWN = 0.5  # the label of what cannot be read off a picture: neither lacked nor had


@dataclass(frozen=True, eq=False, kw_only=True)
class TranslationEdit(Edit):
    """A picture translated to its own attributes, one of them moved (StarGAN, AttGAN).

    The vector holds what a predictor reads off the picture, as in training: 1 for what is above
    the data's mean, 0 for what is not, and :data:`UNKNOWN` for what it does not read. The strength
    is added to the entry of the attribute, so that 1 is the way from lacking it to having it; other
    strengths lie between (AttGAN's intensity control) and beyond.

    A strength of 0 leaves the picture as it is and does not translate it: unlike a step in latent
    space, a translation to what the picture is already costs something, and so do small strengths.

    Attributes:
        attribute: what it changes.
        method: the kind of translator.
        weights: its file.
        translator: its fingerprint.
        attributes: names of the entries, where the file does not hold them.
        resolution: of its pictures, likewise.
    """

    attribute: str
    method: str
    weights: str
    translator: str
    attributes: Sequence[str] | None = None
    resolution: int = 128

    def __post_init__(self) -> None:
        object.__setattr__(self, "_network", None)
        object.__setattr__(self, "_reader", None)

    def see(self, reader: Reader) -> None:
        """See :meth:`Edit.see`: attributes are read."""
        object.__setattr__(self, "_reader", reader)

    def render(
        self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
    ) -> Tensor:
        """The pictures of codes, translated."""
        images = generator.render(codes)
        network = self.network().to(images.device)
        labels = self.labels(images)
        step = torch.zeros_like(labels)
        step[:, network.column(self.attribute)] = 1.0
        vectors = network.vectors(labels + strengths.to(labels)[:, None] * step)
        translated = network(images.clamp(-1, 1).float(), vectors).to(images)
        return torch.where((strengths == 0)[:, None, None, None], images, translated)

    def labels(self, images: Tensor) -> Tensor:
        """What pictures ``[n, 3, H, W]`` have of every attribute of the translator ``[n, k]``.

        Raises:
            UserError: nothing here reads them.
        """
        reader: Reader | None = self._reader  # type: ignore[attr-defined]
        if reader is None:
            raise UserError(
                f"The edit {self.name} starts from what a picture has already, and nothing here "
                "reads that: give it a reader first (TranslationEdit.see)."
            )
        predictor = reader.predictor
        with torch.no_grad():
            has = (predictor.standardised(images.clamp(-1, 1)) > 0).float()
        names, unknown = list(predictor.names), torch.full((len(images),), UNKNOWN)
        columns = [
            has[:, names.index(name)] if name in names else unknown.to(has)
            for name in self.network().config.attributes
        ]
        return torch.stack(columns, dim=1).to(images.device)

    def network(self) -> Translator:
        """The translator, read from its file when it is first asked for.

        Raises:
            UserError: the file is not there or holds another one.
        """
        known: Translator | None = self._network  # type: ignore[attr-defined]
        if known is None:
            untold = Untold(self.attributes, self.resolution)
            known = load_translator(self.weights, self.method, untold)
            if known.fingerprint != self.translator:
                raise UserError(
                    f"The edit {self.name} is of the translator {self.translator}, and "
                    f"'{self.weights}' holds {known.fingerprint}: discover it again."
                )
            object.__setattr__(self, "_network", known)
        return known
