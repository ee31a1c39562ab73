"""Who reads the attributes of photographs: classifiers that know aligned faces alone."""

from collections.abc import Sequence

from pipeline.errors import UserError
from pipeline.evaluators.celeba import CelebaAttributes

FRAMES = ("ffhq", "celebahq")
"""How faces are framed that the classifiers know: they learned from CelebA-HQ."""


def attributes_of(frame: str | None, wanted: Sequence[str] | None) -> CelebaAttributes | None:
    """The attributes that can be read off pictures of a frame; None where they are no such faces.

    Args:
        frame: how the pictures are framed.
        wanted: attributes by name; None takes those whose weights are here.

    Raises:
        UserError: some are wanted where there are no such faces, or their weights are not here.
    """
    if frame in FRAMES:
        return CelebaAttributes.present() if wanted is None else CelebaAttributes(wanted)
    if wanted:
        raise UserError(
            f"dataset.attributes=[{','.join(wanted)}]: the attribute classifiers know aligned "
            f"faces alone, and these pictures are framed as '{frame or 'none'}': add "
            f"dataset.frame={FRAMES[0]} if they are aligned so, or leave dataset.attributes=null."
        )
    return None
