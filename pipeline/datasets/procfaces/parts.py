"""The parts of an embedded-domain face: what each pixel of a label map can be."""

PARTS: tuple[str, ...] = (
    "background",
    "skin",
    "nose",
    "eyes",
    "brows",
    "mouth",
    "hair",
    "ears",
    "neck",
    "clothes",
    "beard",
    "glasses",
)
"""Names of the parts; the index is the label. "mouth" is lips, teeth and interior; "glasses" are
the frames only, so that the eyes stay visible behind them."""

PART_ID: dict[str, int] = {name: index for index, name in enumerate(PARTS)}
