"""What the page asks and what it is answered: plain values in, plain values out."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.explore.clusters import Clusters, clusters, label
from pipeline.explore.comparing import Compared, compare
from pipeline.explore.found import Found
from pipeline.explore.pictures import SAMPLES
from pipeline.explore.rendering import Choice, Measured
from pipeline.explore.session import Session
from pipeline.explore.wish import Wish
from pipeline.listing import choices
from pipeline.metrics.base import Estimate
from pipeline.report.clusters import overlay, spotlight
from pipeline.report.glossary import metric_info
from pipeline.report.images import data_uri, heat_map, shrink, to_pixels
from pipeline.report.numbers import format_number, show_estimate
from pipeline.report.outlines import mask_path

Asked = Mapping[str, Any]
Answer = dict[str, Any]
LARGE, SMALL = 512, 128  # longest side of the pictures in the middle, and of those in rows
GROUPS = ("generator", "method", "region", "edit")
CLUSTERING = ("method.num_samples=", "method.num_vectors=", "method.restarts=", "generator.")
OFFERED = 12  # samples to choose from at a time
GALLERY = (-2 / 3, -1 / 3, 0.0, 1 / 3, 2 / 3)  # of the slider's reach; and where it begins at 0:
SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


class Answers:
    """Every question of the page by name; see ``static/explore.js`` for who asks them."""

    def __init__(self, session: Session) -> None:
        """Answer from a session."""
        self.session = session
        self._clusters: Clusters | None = None

    def questions(self) -> dict[str, Callable[[Asked], Answer]]:
        """The names, and who answers."""
        slow = (self.choices, self.pictures, self.discover, self.calibrate, self.measure)
        rare = (self.compare, self.clusters, self.labels, self.name)
        quick = (self.render, self.strips, self.gallery)
        return {answer.__name__: answer for answer in (*slow, *rare, *quick)}

    def choices(self, asked: Asked) -> Answer:
        """Everything that can be chosen, with a sentence each and what it lacks here."""
        return {group: [asdict(choice) for choice in choices(group)] for group in GROUPS}

    def pictures(self, asked: Asked) -> Answer:
        """Some samples of a generator, and what is known about its pictures."""
        wish = Wish.of(dict(asked))
        e = self.session.open(wish.generator, _of_generator(wish))
        count = len(self.session.pictures.samples(e).value)
        first = int(asked.get("first") or 0) % count
        names = [str(i) for i in range(first, min(first + OFFERED, count))]
        images = self.session.pictures.originals(e, names)
        return {
            "pictures": [_named(n, image) for n, image in zip(names, images, strict=True)],
            "next": (first + OFFERED) % count if first + OFFERED < SAMPLES else 0,
            "count": count,
            "resolution": e.generator.resolution,
            "attributes": sorted(e.domain.predictor.readable),
            "layers": _feature_layers(e.generator),
        }

    def discover(self, asked: Asked) -> Answer:
        """Directions, in natural steps."""
        return self._described(self.session.discover(Wish.of(dict(asked))))

    def calibrate(self, asked: Asked) -> Answer:
        """The same directions, by what they do."""
        number = int(asked["found"])
        self.session.calibrate(number)
        return self._described(number)

    def render(self, asked: Asked) -> Answer:
        """One picture before and after, where it differs, and by how much."""
        began = perf_counter()
        picture, reference = str(asked["picture"]), asked.get("reference") or None
        shown = self.session.render(int(asked["found"]), _choice(asked), picture, reference)
        peak = float(shown.difference.max())
        return {
            "original": _uri(shown.original, LARGE),
            "edited": _uri(shown.edited, LARGE),
            "difference": data_uri(heat_map(shrink(shown.difference, LARGE), 0, peak or 1.0)),
            "outline": mask_path(shown.mask),
            "peak": format_number(peak, 2),
            "inside": format_number(shown.inside),
            "outside": format_number(shown.outside),
            "ratio": format_number(shown.inside / shown.outside) if shown.outside > 0 else "–",
            "milliseconds": 1000 * (perf_counter() - began),
        }

    def strips(self, asked: Asked) -> Answer:
        """Some pictures over the strengths of the slider."""
        found = self.session.found(int(asked["found"]))
        strengths, names = _strengths(found), [str(name) for name in asked["pictures"]]
        images = self.session.strip(
            int(asked["found"]), _choice(asked), strengths, names, asked.get("reference") or None
        )
        rows = [{"name": n, "images": _row(row)} for n, row in zip(names, images, strict=True)]
        return {"strengths": strengths, "rows": rows}

    def gallery(self, asked: Asked) -> Answer:
        """One picture over the strengths of the slider, along every direction."""
        number = int(asked["found"])
        found = self.session.found(number)
        strengths, names = _strengths(found), [str(asked["picture"])]
        rows = []
        for index in range(len(found.edits.value)):
            images = self.session.strip(number, Choice(index), strengths, names)[0]
            rows.append({"name": str(index), "images": _row(images)})
        return {"strengths": strengths, "rows": rows}

    def measure(self, asked: Asked) -> Answer:
        """Numbers over many samples, with intervals."""
        count = int(asked.get("count") or 64)
        return _numbers(self.session.measure(int(asked["found"]), _choice(asked), count))

    def compare(self, asked: Asked) -> Answer:
        """Methods side by side."""
        wish, names = Wish.of(dict(asked)), [str(name) for name in asked["pictures"]]
        change, count = float(asked.get("change") or 1), int(asked.get("count") or 32)
        methods = [str(method) for method in asked.get("methods") or ()]
        found = compare(self.session, wish, methods, change, names, count)
        e = self.session.open(wish.generator, _of_generator(wish))
        originals = self.session.pictures.originals(e, names)
        return {
            "originals": _row(originals),
            "rows": [_compared(row, str(wish.attribute)) for row in found],
        }

    def clusters(self, asked: Asked) -> Answer:
        """The clusters of a layer over samples."""
        wish, layer = Wish.of(dict(asked)), str(asked["layer"])
        count = int(asked.get("count") or 16)
        # Options of another method mean nothing to this one, those of its own do.
        options = [o for o in wish.options if o.startswith(CLUSTERING)]
        self._clusters = clusters(self.session, wish.generator, layer, count, options)
        return _drawn(self._clusters)

    def labels(self, asked: Asked) -> Answer:
        """Names for them, written for runs to use."""
        if self._clusters is None:
            raise UserError("There are no clusters to name yet: find some first.")
        names = {int(cluster): str(name) for cluster, name in asked["names"].items()}
        self._clusters = label(self.session, self._clusters, names)
        folder = self._clusters.folder
        return {"file": str(folder / "catalog_labels.yaml"), "command": self._clusters.use}

    def name(self, asked: Asked) -> Answer:
        """A name for a direction."""
        name, what = str(asked.get("name") or ""), str(asked.get("what") or "")
        file = self.session.name(int(asked["found"]), _choice(asked), name, what)
        return {"file": str(file), "command": f"python run.py edit={name}"}

    def photograph(self, asked: Asked, content: bytes) -> Answer:
        """A photograph as a picture."""
        wish, name = Wish.of(dict(asked)), str(asked.get("name") or "photograph")
        inverted = [o for o in wish.options if o.startswith("codes.")]
        options = _of_generator(wish)
        picture = self.session.photograph(wish.generator, name, content, [*options, *inverted])
        e = self.session.open(wish.generator, options)
        image = self.session.pictures.original(e, picture)[0]
        likeness = self.session.pictures.photographs[-1].likeness
        told = [f"{metric_info(m).label} {format_number(v)}" for m, v in likeness.items()]
        return {**_named(picture, image), "likeness": ", ".join(told), "file": name}

    def _described(self, number: int) -> Answer:
        found = self.session.found(number)
        low, high = found.reach()
        return {
            "found": number,
            "directions": [asdict(direction) for direction in found.directions()],
            "selected": found.selected,
            "low": low,
            "high": high,
            "unit": found.unit(),
            "takes": found.takes,
            "calibrated": found.calibration is not None,
            "calibrates": bool(found.experiment.domain.predictor.names),
            "seconds": found.seconds,
            "command": found.wish.command(),
        }


def _of_generator(wish: Wish) -> list[str]:
    """The options that decide what a generator's pictures are; others are those of a method."""
    return [option for option in wish.options if option.startswith(("generator.", "dataset"))]


def _choice(asked: Asked) -> Choice:
    layers = asked.get("layers")
    pair = None if not layers else (int(layers[0]), int(layers[1]))
    return Choice(int(asked.get("direction") or 0), float(asked.get("strength") or 0), pair)


def _strengths(found: Found) -> list[float]:
    """Five of them, 0 among them."""
    low, high = found.reach()
    if low == 0:
        return [high * share for share in SHARES]
    return [round(-low * share if share < 0 else high * share, 3) for share in GALLERY]


def _feature_layers(generator: torch.nn.Module) -> list[str]:
    """The layers whose features can be clustered; none for generators without."""
    from pipeline.methods.catalog.activations import feature_layers

    try:
        return list(feature_layers(generator))  # type: ignore[arg-type]
    except UserError:
        return []


def _named(name: str, image: Tensor) -> Answer:
    return {"name": name, "image": _uri(image, SMALL)}


def _uri(image: Tensor, longest: int) -> str:
    return data_uri(to_pixels(shrink(image, longest)))


def _row(images: Tensor) -> list[str]:
    return [_uri(image, SMALL) for image in images]


def _numbers(measured: Measured) -> Answer:
    """Metrics, and the attributes that change most; all with their intervals and n."""
    metrics = [
        {**_estimate(e), "name": metric_info(n).label, "what": metric_info(n).what}
        for n, e in measured.metrics.items()
    ]
    changes = sorted(measured.changes.items(), key=lambda item: -abs(item[1].value))
    return {"metrics": metrics, "changes": [{**_estimate(e), "name": n} for n, e in changes]}


def _estimate(estimate: Estimate) -> Answer:
    shown = show_estimate(estimate)
    interval = "" if shown.interval is None else f"[{shown.interval[0]}, {shown.interval[1]}]"
    return {"value": shown.value + shown.scale, "interval": interval, "n": estimate.n}


def _compared(row: Compared, attribute: str) -> Answer:
    if row.numbers is None or row.images is None:
        return {"method": row.method, "refused": row.refused}
    change = row.numbers.changes.get(attribute)
    return {
        "method": row.method,
        "refused": "",
        "direction": row.direction,
        "matched": row.matched,
        "images": _row(row.images),
        "change": None if change is None else _estimate(change),
        **_numbers(row.numbers),
    }


def _drawn(found: Clusters) -> Answer:
    inside = [found.places == k for k in range(found.catalog.count)]
    return {
        "images": _row(found.images),
        "overlays": _row(overlay(found.images, found.places, found.catalog.count)),
        "clusters": [
            {
                "number": k,
                "name": found.names[k],
                "share": format_number(100 * float(mask.double().mean()), 2),
                "images": _row(spotlight(found.images, mask)),
            }
            for k, mask in enumerate(inside)
        ],
    }
