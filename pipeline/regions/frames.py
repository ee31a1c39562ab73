"""Regions that lie elsewhere in every frame, as faces are aligned in several ways."""

from collections.abc import Mapping
from typing import Any

from pipeline.errors import UserError


def in_frame(settings: Mapping[str, Any], frame: str) -> dict[str, Any]:
    """Settings of a region with its box of one frame in the place of the boxes of all.

    Args:
        settings: of a region; one without ``boxes`` is the same in every frame.
        frame: the frame of the pictures.

    Raises:
        UserError: the region has no box for the frame.
    """
    if "boxes" not in settings:
        return dict(settings)
    boxes, name = settings["boxes"], settings["name"]
    if frame not in boxes:
        known = ", ".join(boxes)
        raise UserError(
            f"region={name} has no box for pictures framed as '{frame}' (it has: {known}): add "
            "dataset.frame=NAME if they are aligned like one of these, or give a box of your own "
            "with region=box region.centre=[0.7,0.5] region.size=[0.2,0.3]."
        )
    return {key: value for key, value in settings.items() if key != "boxes"} | dict(boxes[frame])
