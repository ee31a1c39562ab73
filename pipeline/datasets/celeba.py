"""The forty binary attributes of CelebA (Liu et al. 2015), in the order of NVIDIA's classifiers.

The parts are those that parsers of real and of rendered faces both tell apart; ``face`` stands for
the whole of it (hair, make-up and shape together) and ``image`` for the picture.
"""

from collections.abc import Mapping

ATTRIBUTE_PARTS: Mapping[str, tuple[str, ...]] = {
    "male": ("face",),
    "smiling": ("mouth",),
    "attractive": ("face",),
    "wavy_hair": ("hair",),
    "young": ("face",),
    "5_o_clock_shadow": ("mouth", "skin"),
    "arched_eyebrows": ("brows",),
    "bags_under_eyes": ("eyes", "skin"),
    "bald": ("hair",),
    "bangs": ("hair",),
    "big_lips": ("mouth",),
    "big_nose": ("nose",),
    "black_hair": ("hair",),
    "blond_hair": ("hair",),
    "blurry": ("image",),
    "brown_hair": ("hair",),
    "bushy_eyebrows": ("brows",),
    "chubby": ("face",),
    "double_chin": ("skin", "neck"),
    "eyeglasses": ("eyes", "glasses"),
    "goatee": ("mouth", "skin"),
    "gray_hair": ("hair",),
    "heavy_makeup": ("eyes", "mouth", "skin"),
    "high_cheekbones": ("skin",),
    "mouth_slightly_open": ("mouth",),
    "mustache": ("mouth", "skin"),
    "narrow_eyes": ("eyes",),
    "no_beard": ("mouth", "skin"),
    "oval_face": ("face",),
    "pale_skin": ("skin",),
    "pointy_nose": ("nose",),
    "receding_hairline": ("hair",),
    "rosy_cheeks": ("skin",),
    "sideburns": ("hair", "skin"),
    "straight_hair": ("hair",),
    "wearing_earrings": ("ears",),
    "wearing_hat": ("hair",),
    "wearing_lipstick": ("mouth",),
    "wearing_necklace": ("neck",),
    "wearing_necktie": ("neck",),
}
"""The parts that each attribute belongs to."""

ATTRIBUTES: tuple[str, ...] = tuple(ATTRIBUTE_PARTS)
"""Their names; the index is the number in the name of a classifier's file."""
