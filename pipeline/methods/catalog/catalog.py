"""The semantic catalog: clusters of a generator's features, their names, and their masks."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from pipeline.disk import Place, reason, replace_file
from pipeline.errors import UserError, unknown_name
from pipeline.generators.base import Codes, Generator
from pipeline.generators.fingerprints import tensor_hash
from pipeline.methods.catalog.activations import features, images_at_once
from pipeline.methods.catalog.contributions import Contributions, resized
from pipeline.methods.catalog.labels import Labels, Score

FORMAT = 1


@dataclass(frozen=True, eq=False, kw_only=True)
class Catalog:
    """Clusters of the feature vectors of one layer (Editing in Style, Sec. 3.1 and Appendix A).

    Attributes:
        generator: name of the generator.
        fingerprint: fingerprint of that generator; the catalog serves no other.
        layer: the layer whose features were clustered, e.g. ``b32.conv0``.
        centroids: unit rows ``[k, c]``.
        samples: images that the vectors come from.
        seed: of the samples and of the clustering.
        similarity: mean cosine between vectors and their centroids.
        contributions: M of every layer that styles scale; none for a generator without styles.
        labels: clusters by the name of what they show; several merge.
        scores: how well labels match a parser's parts on held-out images, where one was asked.
        notes: how it was made, as JSON can hold it.
    """

    generator: str
    fingerprint: str
    layer: str
    centroids: Tensor
    samples: int
    seed: int
    similarity: float
    contributions: Contributions = field(default_factory=lambda: Contributions({}, 0))
    labels: Labels = field(default_factory=dict)
    scores: Mapping[str, Score] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Number of clusters, K."""
        return len(self.centroids)

    @property
    def hash(self) -> str:
        """What its masks and queries depend on, 16 hex digits."""
        labels = json.dumps({name: list(ids) for name, ids in sorted(self.labels.items())})
        about = f"{self.fingerprint} {self.layer} {labels}"
        return tensor_hash(self._arrays(), about)[:16]

    def check(self, generator: Generator) -> None:
        """Refuse a generator that the catalog was not made of.

        Raises:
            UserError: the fingerprints differ.
        """
        if generator.fingerprint != self.fingerprint:
            raise UserError(
                f"The catalog was made of generator={self.generator} ({self.fingerprint[:12]}), "
                f"this is generator={generator.name} ({generator.fingerprint[:12]}) with other "
                "weights: make a catalog of this one (method.catalog=null)."
            )

    def clusters_of(self, label: str) -> tuple[int, ...]:
        """The clusters of a label.

        Raises:
            UserError: there is no such label.
        """
        if label not in self.labels:
            if not self.labels:
                raise UserError(
                    f"label={label}: the clusters of this catalog have no names yet; give some in "
                    "a file, one line each like 'mouth: [3, 7]', with method.labels=FILE."
                )
            raise unknown_name("label", label, self.labels)
        return self.labels[label]

    def with_labels(self, labels: Labels) -> "Catalog":
        """The same clusters under other names, which no parser has looked at."""
        return replace(self, labels=labels, scores={})

    def assign(self, activations: Tensor) -> Tensor:
        """Cluster of every pixel: the centroid at the smallest angle.

        Args:
            activations: features of the layer ``[n, c, h, w]``, normalised as by
                :func:`~pipeline.methods.catalog.activations.features`.

        Returns:
            int64 ``[n, h, w]``.
        """
        centroids = self.centroids.to(activations)
        return torch.einsum("nchw,kc->nkhw", activations, centroids).argmax(dim=1)

    def membership(self, activations: Tensor) -> Tensor:
        """U, one cluster per pixel as 0 and 1: float32 ``[n, k, h, w]``."""
        return _one_hot(self.assign(activations), self.count)

    def clusters(self, generator: Generator, codes: Codes, resolution: int | None = None) -> Tensor:
        """Cluster of every pixel at a resolution, int64 ``[n, resolution, resolution]``.

        The membership is enlarged bilinearly, as over the paper's pictures, and the greatest wins.

        Args:
            generator: the catalog's.
            codes: n codes of it.
            resolution: None is the generator's.

        Raises:
            UserError: it is another generator.
        """
        self.check(generator)
        size, batch = resolution or generator.resolution, images_at_once(generator)
        found = []
        for start in range(0, len(codes), batch):
            seen = features(generator, codes[start : start + batch], [self.layer])
            found.append(upsampled(self.assign(seen[self.layer]), self.count, size))
        return torch.cat(found)

    def masks(
        self,
        generator: Generator,
        codes: Codes,
        label: str | Sequence[int],
        resolution: int | None = None,
    ) -> Tensor:
        """Where a part is: float32 ``[n, resolution, resolution]``, 1 inside.

        Args:
            generator: the catalog's.
            codes: n codes of it.
            label: a label, or clusters.
            resolution: None is the generator's.

        Raises:
            UserError: it is another generator, or there is no such label.
        """
        ids = self.clusters_of(label) if isinstance(label, str) else label
        wanted = torch.tensor(list(ids), device=codes.values.device)
        return torch.isin(self.clusters(generator, codes, resolution), wanted).float()

    def save(self, path: Path) -> None:
        """Write it to one safetensors file with a JSON header, all at once.

        Raises:
            UserError: the file cannot be written.
        """
        arrays = {name: array.contiguous() for name, array in self._arrays().items()}
        header = {name: getattr(self, name) for name in _PLAIN} | {
            "format": FORMAT,
            "digest": tensor_hash(arrays),
            "contribution_samples": self.contributions.samples,
            "layers": list(self.contributions.matrices),
            "labels": {name: list(ids) for name, ids in self.labels.items()},
            "scores": {name: score.plain() for name, score in self.scores.items()},
            "notes": dict(self.notes),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        with Place("folder of the catalog", path.parent, "--out").writing():
            replace_file(path, save(arrays, {"catalog": json.dumps(header)}))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read it again, on the CPU.

        Raises:
            UserError: the file is missing or damaged, or holds something else.
        """
        if not path.is_file():
            raise UserError(
                f"There is no catalog at {path}: make one with python "
                "scripts/build_catalog.py, or leave method.catalog=null."
            )
        try:
            with safe_open(path, framework="pt") as file:
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                header = json.loads((file.metadata() or {})["catalog"])
            if header["format"] != FORMAT or header["digest"] != tensor_hash(arrays):
                raise ValueError("another format, or not what was written")
            matrices = {layer: arrays[f"contributions.{layer}"] for layer in header["layers"]}
            return cls(
                **{name: header[name] for name in _PLAIN},
                centroids=arrays["centroids"],
                contributions=Contributions(matrices, header["contribution_samples"]),
                labels={name: tuple(ids) for name, ids in header["labels"].items()},
                scores={name: Score(**score) for name, score in header["scores"].items()},
                notes=header["notes"],
            )
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{path} is damaged or no catalog ({reason(error)}): delete it and make it again."
            ) from error

    def _arrays(self) -> dict[str, Tensor]:
        matrices = self.contributions.matrices
        return {"centroids": self.centroids} | {
            f"contributions.{layer}": matrix for layer, matrix in matrices.items()
        }


_PLAIN = ("generator", "fingerprint", "layer", "samples", "seed", "similarity")


def upsampled(clusters: Tensor, count: int, resolution: int) -> Tensor:
    """The cluster that weighs most in every pixel at a resolution, int64 ``[n, h', w']``.

    Args:
        clusters: of every pixel, ``[n, h, w]``.
        count: how many clusters there are.
        resolution: height and width wanted.
    """
    if clusters.shape[-1] == resolution:
        return clusters
    return resized(_one_hot(clusters, count), resolution).argmax(dim=1)


def _one_hot(clusters: Tensor, count: int) -> Tensor:
    """Float32 ``[n, count, h, w]``."""
    n, height, width = clusters.shape
    empty = torch.zeros(n, count, height, width, device=clusters.device)
    return empty.scatter_(1, clusters[:, None], 1.0)
