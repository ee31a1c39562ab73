"""The boxes that ReSeFa's reference names, per dataset.

Each is (centre row, centre column, height, width) in pixels of a 256 px image, half-open from
``centre - size // 2``. The reference's FFHQ ``eyebrow`` has its two axes exchanged and lies on the
eyes; here it lies on the brows.
"""

from pipeline.errors import unknown_name
from pipeline.regions.box import Box

BOXES: dict[str, dict[str, tuple[int, int, int, int]]] = {
    "ffhq": {
        "left_eye": (120, 95, 20, 38),
        "right_eye": (120, 159, 20, 38),
        "eyes": (120, 128, 20, 115),
        "nose": (142, 131, 40, 46),
        "mouth": (184, 127, 30, 70),
        "chin": (217, 130, 42, 110),
        "eyebrow": (105, 126, 15, 118),
    },
    "ffhqu": {
        "eyesr2": (134, 116, 30, 115),
        "eyesr3": (64, 128, 26, 115),
        "eyest0": (70, 88, 30, 115),
        "eyest3": (108, 142, 26, 115),
    },
    "biggan": {
        "center0": (120, 120, 80, 80),
        "center1": (120, 120, 130, 130),
        "center2": (120, 120, 200, 200),
        "left_side": (128, 64, 256, 128),
        "top_side": (64, 128, 128, 256),
        "head0": (89, 115, 49, 70),
        "head1": (93, 110, 48, 70),
    },
}


def named_box(name: str, dataset: str = "ffhq") -> Box:
    """The box of a name, e.g. ``named_box("mouth")``.

    Raises:
        UserError: there is no such dataset or name.
    """
    if dataset not in BOXES:
        raise unknown_name("dataset", dataset, BOXES)
    if name not in BOXES[dataset]:
        raise unknown_name("region", name, BOXES[dataset])
    return Box.from_pixels(name, *BOXES[dataset][name])
