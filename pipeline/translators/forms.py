"""The official files of translators: told apart by their tensors, the architecture inferred."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.errors import UserError
from pipeline.generators.checkpoints.form import Content, Source, subtree
from pipeline.generators.checkpoints.tensors import Tensors, contains
from pipeline.translators.attgan import AttGAN, AttGANConfig
from pipeline.translators.base import Translator
from pipeline.translators.stargan import StarGAN, StarGANConfig

PHOTOS = "photos"
"""What the official files were trained on: aligned photographs of CelebA."""

CELEBA: Mapping[int, tuple[str, ...]] = {
    5: ("black_hair", "blond_hair", "brown_hair", "male", "young"),
    13: (
        *("bald", "bangs", "black_hair", "blond_hair", "brown_hair", "bushy_eyebrows"),
        *("eyeglasses", "male", "mouth_slightly_open", "mustache", "no_beard", "pale_skin"),
        "young",
    ),
}
"""The attributes of the published StarGAN (5) and AttGAN (13), whose files do not name them."""

UNUSED = r".*\.(running_mean|running_var|num_batches_tracked)"
"""Statistics that the instance norms of StarGAN's release save and do not use."""

BLOCK = r"main\.\d+(?=\.main\.)"
FIRST = r"enc_layers\.0\.layers\.0\.weight"


@dataclass(frozen=True)
class Untold:
    """What an official file does not tell.

    Attributes:
        attributes: names of the vector's entries; None takes those of the published files.
        resolution: height and width of the pictures.
    """

    attributes: Sequence[str] | None = None
    resolution: int = 128

    def names(self, form: str, count: int) -> tuple[str, ...]:
        """Names of so many attributes.

        Raises:
            UserError: there are none, or not so many.
        """
        names = CELEBA.get(count, ()) if self.attributes is None else tuple(self.attributes)
        if len(names) != count or not names:
            raise UserError(
                f"{form}: the file has {count} attributes and does not name them; give their names "
                f"in their order, method.attributes=[...] ({len(names)} are known)."
            )
        return names


@dataclass(frozen=True)
class TranslatorForm:
    """A kind of official file.

    Attributes:
        name: architecture and who writes it.
        recognise: whether a flat content is of this form.
        build: the translator of such a content, ready for evaluation; raises :class:`UserError`
            naming what is missing, left over, or does not fit.
    """

    name: str
    recognise: Callable[[Content], bool]
    build: Callable[[Content, Untold], Translator]


def stargan(content: Content, untold: Untold) -> StarGAN:
    """The generator of StarGAN's release, ``200000-G.ckpt``."""
    form = "stargan"
    tensors = Tensors(form, content, r"main\.0\.weight")
    width, inputs, *_ = tensors.shape("main.0.weight", 4)
    blocks = tensors.groups(BLOCK)
    first = int(blocks[0].rsplit(".", 1)[1])
    if first % 3 or first < 3:
        raise UserError(
            f"{form}: the file's first residual block, main.{first}, does not follow a whole "
            "number of halvings (main.9 follows two)."
        )
    config = StarGANConfig(
        attributes=untold.names(form, inputs - 3),
        resolution=untold.resolution,
        domain=PHOTOS,
        channels=width,
        blocks=len(blocks),
        halvings=first // 3 - 1,
    )
    return tensors.fill(lambda: StarGAN(config), Source, UNUSED)


def attgan(content: Content, untold: Untold) -> AttGAN:
    """The generator of AttGAN's PyTorch release, alone or beside the critic (``G``)."""
    form = "attgan"
    tensors = Tensors(form, _generator_of(content), FIRST)
    widths = [
        tensors.shape(f"{layer}.layers.0.weight", 4)[0]
        for layer in tensors.groups(r"enc_layers\.\d+(?=\.)")
    ]
    into = [
        tensors.shape(f"{layer}.layers.0.weight", 4)[0]
        for layer in tensors.groups(r"dec_layers\.\d+(?=\.)")
    ]
    if len(into) != len(widths):
        raise UserError(
            f"{form}: the file has {len(widths)} layers of the encoder and {len(into)} of the "
            "decoder; only as many of both are known."
        )
    attributes = into[0] - widths[-1]
    shortcuts, injections = _beside(widths, into, attributes)
    config = AttGANConfig(
        attributes=untold.names(form, attributes),
        resolution=untold.resolution,
        domain=PHOTOS,
        channels=widths[0],
        most_channels=widths[-1],
        layers=len(widths),
        shortcuts=shortcuts,
        injections=injections,
    )
    return tensors.fill(lambda: AttGAN(config), Source)


def _beside(widths: Sequence[int], into: Sequence[int], attributes: int) -> tuple[int, int]:
    """How many layers of the decoder are followed by features of the encoder, and by the vector.

    Args:
        widths: channels after every layer of the encoder.
        into: channels before every layer of the decoder.
        attributes: entries of the vector.
    """
    shortcuts = injections = 0
    for number, before in enumerate(into[1:]):
        further, feature = before - widths[-1 - number], widths[-2 - number]
        shortcuts += further >= feature
        injections += further % feature == attributes
    return shortcuts, injections


def _generator_of(content: Content) -> Content:
    """The part of a file that holds the generator: all of it, or what lies under ``G``."""
    return subtree(content, "G.") or content


FORMS: tuple[TranslatorForm, ...] = (
    TranslatorForm("stargan", lambda c: contains(c, r"main\.0\.weight", BLOCK + r"\..*"), stargan),
    TranslatorForm("attgan", lambda c: contains(_generator_of(c), FIRST), attgan),
)
