"""A small report with everything in it."""

import math

import torch
from torch import Tensor

from pipeline.metrics.base import Estimate
from pipeline.report import content

STRENGTHS = (-2.0, 1.0, 3.0)
NAN = math.nan


def smooth_images(n: int, side: int, seed: int) -> Tensor:
    """Random smooth images ``[n, 3, side, side]``, some values beyond [-1, 1]."""
    coarse = torch.randn(n, 3, 4, 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(coarse, size=side, mode="bicubic")


def example_strip(
    index: int, side: int = 16, strengths: tuple[float, ...] = STRENGTHS
) -> content.Strip:
    """One sample at some strengths."""
    original, *edited = smooth_images(1 + len(strengths), side, seed=index)
    return content.Strip(index, original, torch.stack(edited), strengths)


def example_report(strips: int = 2, directions: int = 2, side: int = 16) -> content.Report:
    """A report with every section; the numbers are made up and all different."""
    metrics = {
        "mse_in": Estimate(0.013512, (0.010033, 0.016987), 48),
        "mse_out": Estimate(0.00016512, (0.00009112, 0.00023841), 48),
        "mse_ratio": Estimate(81.83, (48.21, 151.9), 48),
        "fd_embedded": Estimate(5.712, (4.108, 7.331), 47),
        "ssim": Estimate(0.95312, (NAN, NAN), 1),
        "id_embedded": Estimate(NAN, (NAN, NAN), 0),
        "nameless": Estimate(-3.5e-7, (-4.1e-7, -2.9e-7), 46),
    }
    curve = content.Curve(
        STRENGTHS, (0.021, 0.0113, 0.0314), (0.02, 0.009, 0.03), (0.022, 0.0131, 0.04), 48
    )
    below = content.Curve(
        STRENGTHS, (0.0001, NAN, 0.0003), (0.00009, NAN, 0.0002), (0.00011, NAN, 4e-4), 48
    )
    strip = example_strip(5, side, (1.0, 2.0, 3.0, 4.0))
    rows = [
        content.DirectionRow(
            rank=rank,
            eigenvalue=211.7 / rank,
            strength=NAN if rank == 2 else 2.25,
            mse_ratio=Estimate(23.41 / rank, (21.9 / rank, 25.0 / rank), 48),
            effect=content.Effect(
                attribute="mouth open",
                sign=-1,
                change=Estimate(1.017, (0.988, 1.046), 48),
                outside_attribute="jaw width",
                outside_change=Estimate(-0.213, (-0.24, -0.186), 48),
                selectivity=4.775 / rank,
            ),
            selected=rank == 1,
            strip=strip,
        )
        for rank in range(1, directions + 1)
    ]
    return content.Report(
        title="ReSeFa on the mouth",
        command="python run.py method=resefa region=mouth 'strength=[-2,1,3]'",
        method="resefa",
        generator="stylegan2_procfaces",
        region="mouth",
        seed=3,
        samples=48,
        strength=3.0,
        attribute="mouth_open",
        metrics=metrics,
        curves={"mse_in": curve, "mse_out": below, "ssim": curve},
        outline=[[(0.6, 0.3), (0.6, 0.7), (0.8, 0.7), (0.8, 0.3)]],
        inversion=content.Inversion(
            [
                content.Portrait(
                    f"face_{i}.jpg", smooth_images(1, side, 20 + i)[0], strip, 23.75 + i
                )
                for i, strip in enumerate(example_strip(i, side) for i in range(strips))
            ],
            "w+",
            (180, 300),
            {"psnr": Estimate(25.25, (24.75, 25.75), 12)},
            {"psnr": (22.5, 27.125)},
            ["The projection followed <nothing>."],
        ),
        strips=[example_strip(index, side) for index in range(strips)],
        difference=smooth_images(1, side, 9)[0, 0].square(),
        directions=rows,
        selectivity_meaning="one change over the others",
        changes=[
            content.AttributeChange(
                "mouth_open", "mouth open", Estimate(1.017, (0.988, 1.046), 48), True
            ),
            content.AttributeChange(
                "jaw_width", "jaw width", Estimate(-0.213, (-0.24, -0.186), 48), False
            ),
            content.AttributeChange("age", "age", Estimate(NAN, (NAN, NAN), 0), False),
        ],
        timings=[content.Timing("discover", 11.25, False), content.Timing("edit", 0.75, True)],
        configuration="seed: 3\nmethod:\n  name: resefa\n",
        environment={"python": "3.11.9"},
        evaluators=[content.EvaluatorNote("fd_embedded", False, "stand-in: Inception is not here")],
        warnings=["Too few samples for a Fréchet distance."],
    )
