"""NaviGAN's figures from what jobs leave."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from pipeline.array_files import write_arrays
from pipeline.metrics.base import Estimate
from pipeline.report.jobs import Job
from pipeline.report.tables import Cell, Missing
from pipeline.reproductions.base import Claim, Figure
from pipeline.reproductions.navigan_courses import Figure7, Figure11
from pipeline.reproductions.navigan_layers import Figure20, kinds
from pipeline.reproductions.navigan_maps import Figure12
from pipeline.reproductions.navigan_mimicry import Figure8
from pipeline.reproductions.navigan_pictures import BigGAN, Figure9, Pix2PixHD

STRENGTHS = [-2.0, -1.0, 1.0, 2.0]
FOUR = ("navigan_svd", "navigan_optimization", "navigan_spectrum", "navigan_hybrid")


def verdicts(claims: Sequence[Claim]) -> list[str]:
    return [claim.verdict for claim in claims]


def value(cell: Cell) -> float:
    assert isinstance(cell, Estimate)
    return cell.value


def svg(figure: Figure) -> str:
    assert isinstance(figure.content, str)
    return figure.content


def is_png(figure: Figure) -> bool:
    return isinstance(figure.content, bytes) and figure.content.startswith(b"\x89PNG")


def picture(folder: Path, *names: str) -> None:
    for name in names:
        Image.new("RGB", (4, 4)).save(folder / f"{name}.png")


def course(folder: Path, method: str, slope: float, lift: float = 0.0, effect: float = 1.0) -> Job:
    """A job whose distance grows by ``slope`` with the effect, and by ``lift`` where it rises."""
    random = torch.Generator().manual_seed(1)
    noise = 0.05 * torch.randn(10, generator=random, dtype=torch.float64)
    effects = [0.0, *(effect * s for s in STRENGTHS)]
    distances = [1 + slope * abs(e) + lift * max(e, 0.0) for e in effects]
    path = folder / method
    path.mkdir()
    write_arrays({"replicates": torch.tensor(distances).double()[:, None] + noise}, path)
    picture(path, "strengths")
    rows = {
        "effect": [[e, e - 0.1, e + 0.1, 40] for e in effects],
        "fd_embedded": [[d, d - 0.2, d + 0.2, 40] for d in distances],
        "mse_in": [[0.1, None, None, 40]] * 5,
    }
    details = {"curves": rows, "strengths": STRENGTHS, "steps": STRENGTHS, "direction": method}
    overrides = {"method": method, "target": "smile"}
    return Job(Path(method), overrides, {}, report=True, path=path, details=details)


def test_figure7_compares_at_equal_effects(tmp_path: Path) -> None:
    jobs = [course(tmp_path, m, 2.0 if m == FOUR[0] else 0.5) for m in FOUR]
    figure = Figure7()
    assert verdicts(figure.claims(jobs, {})) == ["holds"]
    assert len(figure.claims(jobs, {})[0].parts) == 6
    (table,) = figure.tables(jobs, {})
    assert [tuple(row.labels) for row in table.rows][:2] == [
        ("smile", "navigan_svd", "0"),
        ("smile", "navigan_svd", "-2"),
    ]
    step, effect, distance, inside, outside = table.rows[1].cells
    assert (step, value(effect), value(distance)) == (-2.0, -2.0, 5.0)
    assert (value(inside), outside) == (0.1, Missing("not measured"))
    drawn = figure.figures(jobs, {})
    assert svg(drawn[0]).count("<polyline") == 4
    assert [f.name for f in drawn] == ["smile_distance", *(f"smile_{m}" for m in FOUR)]


def test_figure7_where_the_svd_is_no_worse_or_does_nothing(tmp_path: Path) -> None:
    better = [course(tmp_path, m, 0.1 if m == FOUR[0] else 0.5) for m in FOUR]
    assert verdicts(Figure7().claims(better, {})) == ["does not hold"]
    still = [course(tmp_path, "still", 0.1, effect=0.01), *better[1:]]
    still[0] = Job(Path("x"), better[0].overrides, {}, path=still[0].path, details=still[0].details)
    (claim,) = Figure7().claims(still, {})
    assert claim.verdict == "not decided"
    assert "effects reach 0.02, 2.00" in claim.parts[0]
    failed = Job(Path("x"), better[0].overrides, {}, problem="failed: no disk")
    assert verdicts(Figure7().claims([failed, *better[1:]], {})) == ["not decided"]
    (table,) = Figure7().tables([failed], {})
    assert table.rows[0].cells[0] == Missing("failed: no disk")
    assert table.rows[1].cells[0] == Missing("not run")


def test_figure11_weights_against_latents_and_symmetry(tmp_path: Path) -> None:
    jobs = [course(tmp_path, "navigan_hybrid", 0.5, lift=1.0), course(tmp_path, "ganspace", 3.0)]
    assert verdicts(Figure11().claims(jobs, {})) == ["holds", "holds"]
    (table,) = Figure11().tables(jobs, {})
    assert {row.labels[1] for row in table.rows} == {"navigan_hybrid", "ganspace"}
    even = [course(tmp_path, "navigan_svd", 0.5), jobs[1]]
    assert verdicts(Figure11().claims(even, {})) == ["holds", "not decided"]


def located(folder: Path, method: str, share: float) -> Job:
    random = torch.Generator().manual_seed(len(method))
    shares = share + 0.02 * torch.randn(30, generator=random, dtype=torch.float64)
    path = folder / method
    path.mkdir()
    write_arrays({"share": shares, "map": torch.rand(8, 8, generator=random)}, path)
    picture(path, "strengths")
    metrics = {"share_inside": Estimate(share, (share - 0.01, share + 0.01), 30)}
    details = {"area": 0.1, "direction": f"{method}/3"}
    return Job(
        Path(method), {"method": method, "target": "smile"}, metrics, path=path, details=details
    )


def test_figure12_shares_and_maps(tmp_path: Path) -> None:
    jobs = [*(located(tmp_path, m, 0.7) for m in FOUR), located(tmp_path, "ganspace", 0.3)]
    assert verdicts(Figure12().claims(jobs, {})) == ["holds", "holds"]
    (table,) = Figure12().tables(jobs, {})
    rows = {row.labels[1]: row.cells for row in table.rows}
    assert value(rows["ganspace"][0]) == 0.3
    assert rows["ganspace"][1:] == [0.1, 0.3 / 0.1, "ganspace/3"]
    drawn = Figure12().figures(jobs, {})
    assert [f.name for f in drawn][:2] == ["smile_maps", "smile_navigan_svd"]
    assert is_png(drawn[0])
    wide = [located(tmp_path, "low", 0.2), *jobs[1:]]
    wide[0] = Job(Path("x"), jobs[0].overrides, {}, path=wide[0].path, details=wide[0].details)
    assert verdicts(Figure12().claims(wide, {})) == ["does not hold", "does not hold"]
    assert verdicts(Figure12().claims(jobs[:2], {})) == ["not decided", "not decided"]


def mimicked(folder: Path, method: str, space: str, left: float) -> Job:
    path = folder / f"{method}_{space}"
    path.mkdir()
    write_arrays({"images": torch.zeros(2, 3, 3, 8, 8)}, path)
    metrics = {
        name: Estimate(value, (value - 0.02, value + 0.02), 30)
        for name, value in {"left_mse": left, "left_lpips": left, "wanted": 1.0}.items()
    }
    overrides = {"method": method, "task.space": space}
    details = {"curve": [1.0, left], "attribute": "smile"}
    return Job(Path(path.name), overrides, metrics, path=path, details=details)


def test_figure8_what_is_left(tmp_path: Path) -> None:
    left = {"z": 0.9, "w": 0.8, "w+": 0.7, "activations": 0.6}
    jobs = [mimicked(tmp_path, "navigan_hybrid", s, x) for s, x in left.items()]
    assert verdicts(Figure8().claims(jobs, {})) == ["holds", "holds"]
    found = {"z": 0.5, "w": 0.01, "w+": 0.02, "activations": 0.9}
    control = [mimicked(tmp_path, "ganspace", s, x) for s, x in found.items()]
    assert verdicts(Figure8().claims([*jobs, *control], {})) == ["holds", "holds", "holds"]
    (table,) = Figure8().tables([*jobs, *control], {})
    assert [column.label for column in table.columns][1] == "left of lpips"
    assert [row.labels for row in table.rows][4] == ("ganspace", "z")
    assert table.rows[0].cells[3:] == [None, 0.9, "smile"]
    assert [f.name for f in Figure8().figures(jobs, {})] == ["navigan_hybrid"]
    good = [mimicked(tmp_path, "navigan_svd", "w", 0.1)]
    assert verdicts(Figure8().claims(good, {})) == ["does not hold", "does not hold"]
    assert verdicts(Figure8().claims(jobs[:3], {})) == ["not decided", "not decided"]


def inspected(folder: Path, layer: str, effects: Sequence[Mapping[str, float]]) -> Job:
    rows: list[dict[str, Any]] = [
        {"effects": one, "leading": max(one, key=lambda k: abs(one[k])), "selective": i == 0}
        for i, one in enumerate(effects)
    ]
    path = folder / layer
    path.mkdir()
    picture(path, "directions")
    overrides = {"layer": layer, "method": "navigan_svd"}
    return Job(Path(layer), overrides, {}, path=path, details={"directions": rows})


def test_figure20_kinds_over_the_layers(tmp_path: Path) -> None:
    assert kinds({"yaw": -1.0, "smile": 2.0, "skin_tone": 1.0}) == {
        "whole": 0.25,
        "parts": 0.5,
        "colour": 0.25,
    }
    coarse, parts, fine = (
        [{lead: 1.0, "smile": 0.1}, {lead: 1.1, "smile": 0.1}, {lead: 0.9, "smile": 0.1}]
        for lead in ("yaw", "mouth_open", "skin_tone")
    )
    jobs = [
        inspected(tmp_path, name, some)
        for name, some in {"a": coarse, "b": parts, "c": fine}.items()
    ]
    assert verdicts(Figure20().claims(jobs, {})) == ["holds"]
    assert verdicts(Figure20().claims(jobs[::-1], {})) == ["does not hold"]
    (table,) = Figure20().tables(jobs, {})
    assert table.rows[0].cells[3:] == [1, "yaw"]
    drawn = Figure20().figures(jobs, {})
    assert svg(drawn[0]).count("<polyline") == 3
    assert is_png(drawn[1])


def test_other_generators_are_sheets_and_counts(tmp_path: Path) -> None:
    job = inspected(tmp_path, "layers.0", [{"yaw": 1.0}, {"smile": 1.0}])
    (table,) = BigGAN().tables([job], {})
    assert table.rows[0].cells == [1, 2, "yaw", "yaw, smile"]
    assert verdicts(BigGAN().claims([job], {})) == ["holds"]
    assert [f.name for f in BigGAN().figures([job], {})] == ["layers_0_navigan_svd"]
    failed = Job(Path("x"), job.overrides, {}, problem="failed: no disk")
    assert verdicts(Pix2PixHD().claims([failed], {})) == ["not decided"]


def inverted(folder: Path, target: str, change: float, wanted: float) -> Job:
    path = folder / target
    path.mkdir()
    picture(path, "strips", "reconstructions")
    entry = {"value": change, "ci95": sorted([change * 0.9, change * 1.1]), "n": 16}
    details = {
        "attribute": "eye_open",
        "attributes": {"eye_open": entry},
        "change": wanted,
        "inversion": {"quality": {"psnr": {"value": 27.0}}},
    }
    metrics = {"id_embedded": Estimate(0.9, (0.8, 1.0), 16)}
    return Job(Path(target), {"target": target}, metrics, path=path, details=details)


def test_figure9_pictures_change_as_codes_do(tmp_path: Path) -> None:
    jobs = [inverted(tmp_path, "open_eyes", 0.9, 1.0), inverted(tmp_path, "close_eyes", -0.8, -1.0)]
    assert verdicts(Figure9().claims(jobs, {})) == ["holds"]
    (table,) = Figure9().tables(jobs, {})
    assert table.rows[1].cells[1] == -1.0
    assert table.rows[0].cells[-2:] == [jobs[0].metrics["id_embedded"], 27.0]
    assert len(Figure9().figures(jobs, {})) == 4
    turned = [inverted(tmp_path, "smile", -0.5, 1.0)]
    assert verdicts(Figure9().claims(turned, {})) == ["does not hold"]
