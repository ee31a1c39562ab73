"""CelebAMask-HQ (Lee et al. 2020) with the classes that SemanticStyleGAN is trained on.

The data set has 18 parts, left and right apart, as one binary mask per image and part; parts
overlap. Here they are painted one over the other into 13 classes: eyes over glasses, ears over
hair.
"""

from dataclasses import dataclass

import numpy as np

CLASSES: tuple[str, ...] = (
    "background",
    "skin",
    "eyes",
    "brows",
    "mouth",
    "nose",
    "ears",
    "hair",
    "neck",
    "cloth",
    "glasses",
    "hat",
    "earring",
)
"""Names of the classes; the index is the label."""

TRANSPARENT: tuple[str, ...] = ("glasses", "earring")
"""Classes that others are seen through."""

TRAINING = 28_000
"""The first so many images are for training, the last 2 000 for tests."""


@dataclass(frozen=True)
class Part:
    """A part of the data set.

    Attributes:
        name: in the names of its mask files, ``00000_NAME.png``.
        merged_id: its label in the merged maps of the data set's authors.
        painted_as: its class.
    """

    name: str
    merged_id: int
    painted_as: str


PARTS: tuple[Part, ...] = (
    Part("skin", 1, "skin"),
    Part("eye_g", 3, "glasses"),
    Part("l_eye", 4, "eyes"),
    Part("r_eye", 5, "eyes"),
    Part("l_brow", 6, "brows"),
    Part("r_brow", 7, "brows"),
    Part("mouth", 10, "mouth"),
    Part("u_lip", 11, "mouth"),
    Part("l_lip", 12, "mouth"),
    Part("nose", 2, "nose"),
    Part("hair", 13, "hair"),
    Part("l_ear", 8, "ears"),
    Part("r_ear", 9, "ears"),
    Part("neck", 17, "neck"),
    Part("neck_l", 16, "neck"),
    Part("cloth", 18, "cloth"),
    Part("hat", 14, "hat"),
    Part("ear_r", 15, "earring"),
)
"""All parts, in the order in which they are painted."""


def paint(masks: dict[str, np.ndarray], size: int) -> np.ndarray:
    """Labels uint8 ``[size, size]`` of the binary masks of one image, by the names of the parts."""
    labels = np.zeros((size, size), np.uint8)
    for part in PARTS:
        if part.name in masks:
            labels[masks[part.name] > 0] = CLASSES.index(part.painted_as)
    return labels


def merge(parts: np.ndarray) -> np.ndarray:
    """Labels of a merged map, uint8, with the ids of the data set's authors (0 to 18).

    Raises:
        ValueError: there are other ids.
    """
    table = np.zeros(len(PARTS) + 1, np.uint8)
    for part in PARTS:
        table[part.merged_id] = CLASSES.index(part.painted_as)
    if parts.max() >= len(table):
        raise ValueError(f"a part has the id {parts.max()}; the largest is {len(PARTS)}")
    return np.asarray(table[parts])
