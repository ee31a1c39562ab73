"""SemanticStyleGAN (Shi et al. 2022): reconstruction of pictures that no network was trained on."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pipeline.metrics.base import Estimate
from pipeline.metrics.intervals import mean_estimate, ratio_estimate
from pipeline.report.jobs import Job
from pipeline.report.tables import Cell, Column, Missing, Row, Table
from pipeline.reproductions.base import Claim, Figure, Reported, Reproduction
from pipeline.reproductions.cells import by_cell, empty_cell
from pipeline.reproductions.comparing import Comparison, claim
from pipeline.reproductions.semantic_stylegan_matching import generators

COMPARABLE = 1.25
DISTANCES, IDENTITIES = ("lpips", "lpips_embedded"), ("id", "id_embedded")

Qualities = Mapping[str, Tensor]


class Reconstruction(Reproduction):
    """MSE, LPIPS and identity of the same inverted pictures on both generators."""

    name = "semantic_stylegan/reconstruction"
    title = "SemanticStyleGAN: reconstruction of held-out pictures, against StyleGAN2"
    about = (
        "The same pictures are inverted by the same optimisation into w+: of StyleGAN2 a w for "
        "each layer, of SemanticStyleGAN a structure and a texture code for each class and the "
        "base codes. The paper inverts by an encoder (ReStyle on pSp) and finds both about equal; "
        "its numbers are not at hand.",
        "Names with embedded are the embedded domain's own networks: no LPIPS and no ArcFace.",
    )

    def tables(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Table]:
        """A row per generator; then the ratios of the errors, in pairs."""
        cells, pair = by_cell(jobs, "generator"), generators(jobs)
        names = _names([qualities(cells.get((g,))) for g in pair])
        columns = [Column("psnr", "PSNR", "dB", "higher"), *map(Column.of_metric, names)]
        rows = [_row(generator, cells.get((generator,)), names) for generator in pair]
        table = Table(self.title, ("generator",), columns, rows, self.about)
        return [table, self._ratios(cells, pair, names)]

    def claims(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Claim]:
        """About equal."""
        cells, pair = by_cell(jobs, "generator"), generators(jobs)
        names = _names([qualities(cells.get((g,))) for g in pair])
        text = (
            "SemanticStyleGAN reconstructs pictures about as well as StyleGAN2: its errors are at "
            f"most {COMPARABLE:g} times as large"
        )
        by = (
            "ratio of the mean errors on the same pictures, SemanticStyleGAN over StyleGAN2 (of an "
            "identity 1 minus the cosine), in brackets 95 % intervals of a bootstrap over pairs"
        )
        return [claim(text, [_comparison(cells, pair, name) for name in names], by)]

    def figures(self, jobs: Sequence[Job], reported: Reported) -> Sequence[Figure]:
        """The pictures and their reconstructions."""
        return [
            Figure(job.overrides["generator"], job.overrides["generator"], path, "Reconstructions")
            for job in jobs
            if "generator" in job.overrides and (path := job.path / "reconstructions.png").is_file()
        ]

    @staticmethod
    def _ratios(
        cells: Mapping[tuple[str, ...], Job], pair: tuple[str, str], names: Sequence[str]
    ) -> Table:
        columns = [Column("ratio", "error, SemanticStyleGAN over StyleGAN2", "", "lower")]
        rows = []
        for name in names:
            found = ratio(cells, pair, name)
            rows.append(Row((name,), [Missing(found) if isinstance(found, str) else found]))
        notes = ["Of an identity the error is 1 minus the cosine."]
        return Table("Errors on the same pictures", ("number",), columns, rows, notes)


def qualities(job: Job | None) -> Qualities | str:
    """Numbers of every picture by name, or why there are none; ``file`` tells which they are of."""
    empty = empty_cell(job)
    if job is None or empty is not None:
        return "not run" if empty is None else empty.reason
    rows: list[dict[str, Any]] = job.details.get("inversion", {}).get("per_image", [])
    if not rows:
        return "no pictures were inverted"
    names = [name for name in rows[0] if name not in ("file", "steps")]
    return {
        name: torch.tensor(
            [float("nan") if row[name] is None else row[name] for row in rows], dtype=torch.float64
        )
        for name in names
    }


def ratio(cells: Mapping[tuple[str, ...], Job], pair: tuple[str, str], name: str) -> Estimate | str:
    """The ratio of both generators' errors in pairs, or why there is none."""
    jobs = [cells.get((generator,)) for generator in pair]
    errors: list[Tensor] = []
    for generator, job in zip(pair, jobs, strict=True):
        found = qualities(job)
        if isinstance(found, str):
            return f"{generator}: {found}"
        if name not in found:
            return f"{generator}: not measured"
        errors.append(1 - found[name] if name in IDENTITIES else found[name])
    if _files(jobs[0]) != _files(jobs[1]):
        return "not the same pictures"
    return ratio_estimate(errors[0], errors[1])


def _files(job: Job | None) -> list[str]:
    rows = [] if job is None else job.details.get("inversion", {}).get("per_image", [])
    return [str(row["file"]) for row in rows]


def _names(found: Sequence[Qualities | str]) -> list[str]:
    """The errors and identities that were measured, by the networks that measured."""
    known = {name for one in found if not isinstance(one, str) for name in one}
    both = [next((n for n in kind if n in known), kind[-1]) for kind in (DISTANCES, IDENTITIES)]
    return ["mse", *both]


def _row(generator: str, job: Job | None, names: Sequence[str]) -> Row:
    found = qualities(job)
    link = f"{job.folder.as_posix()}/report.html" if job and job.report else None
    if isinstance(found, str):
        return Row((generator,), [Missing(found)] * (len(names) + 1), link)
    cells: list[Cell] = [
        mean_estimate(found[name]) if name in found else Missing("not measured")
        for name in ("psnr", *names)
    ]
    return Row((generator,), cells, link)


def _comparison(
    cells: Mapping[tuple[str, ...], Job], pair: tuple[str, str], name: str
) -> Comparison:
    """Whether the errors are at most :data:`COMPARABLE` times as large."""
    found = ratio(cells, pair, name)
    if isinstance(found, str):
        return Comparison(name, "open", remark=found)
    low, high = found.ci95
    if high <= COMPARABLE:
        return Comparison(name, "better", found)
    return Comparison(name, "worse" if low > COMPARABLE else "open", found)
