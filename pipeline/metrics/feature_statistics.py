"""Mean and covariance of feature vectors: streaming, mergeable, and as files."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pipeline.errors import UserError

_ROWS_AT_ONCE = 256  # folding a few rows costs as much as folding many: collect them first


@dataclass(frozen=True)
class Moments:
    """Count, mean and scatter of vectors; exact to combine and to take apart again.

    The scatter (sum of outer products of the centred vectors) is kept rather than the raw sums,
    which lose their digits where the mean is large (Chan, Golub & LeVeque 1983, equation 2.1).

    Attributes:
        n: how many vectors.
        mean: ``[d]``, float64.
        scatter: ``[d, d]``, float64.
    """

    n: int
    mean: Tensor
    scatter: Tensor

    @classmethod
    def of(cls, features: Tensor) -> "Moments":
        """The moments of vectors ``[n, d]``."""
        rows = features.double()
        mean = rows.sum(0) / max(1, len(rows))
        centred = rows - mean
        return cls(len(rows), mean, centred.T @ centred)

    def __add__(self, other: "Moments") -> "Moments":
        """The moments of both sets together."""
        n = self.n + other.n
        step = other.mean - self.mean
        between = torch.outer(step, step * (self.n * other.n / max(1, n)))
        mean = self.mean + step * (other.n / max(1, n))
        return Moments(n, mean, self.scatter + other.scatter + between)

    def __sub__(self, part: "Moments") -> "Moments":
        """The moments of what is left without a part of the set."""
        n = self.n - part.n
        mean = (self.mean * self.n - part.mean * part.n) / max(1, n)
        step = part.mean - mean
        between = torch.outer(step, step * (n * part.n / self.n))
        return Moments(n, mean, self.scatter - part.scatter - between)

    def covariance(self) -> Tensor:
        """Sample covariance ``[d, d]`` with divisor n - 1, as pytorch-fid takes it."""
        if self.n < 2:
            raise UserError(f"A covariance needs at least 2 samples, not {self.n}.")
        return self.scatter / (self.n - 1)


class StreamingMoments:
    """Moments of vectors that come in batches of any size.

    Args:
        dim: length of the vectors.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._folded = Moments.of(torch.empty(0, dim))
        self._waiting: list[Tensor] = []

    def update(self, features: Tensor) -> None:
        """Take in vectors ``[n, dim]`` on any device.

        Raises:
            ValueError: they have another length.
            UserError: some are not finite.
        """
        if features.ndim != 2 or features.shape[1] != self.dim:
            raise ValueError(f"features {tuple(features.shape)} are not [n, {self.dim}]")
        if not features.isfinite().all():
            raise UserError("Features are not finite: do the images hold NaN or infinity?")
        self._waiting.append(features.detach().to("cpu", torch.float64))
        if sum(map(len, self._waiting)) >= _ROWS_AT_ONCE:
            self.moments()

    def merge(self, other: "StreamingMoments") -> None:
        """Take in what another process saw."""
        self._folded = self.moments() + other.moments()

    def moments(self) -> Moments:
        """The moments of all vectors so far."""
        if self._waiting:
            self._folded = self._folded + Moments.of(torch.cat(self._waiting))
            self._waiting = []
        return self._folded

    def state(self) -> dict[str, Tensor]:
        """Count, mean and the upper triangle of the scatter."""
        m = self.moments()
        rows, columns = torch.triu_indices(self.dim, self.dim)
        return {"n": torch.tensor(m.n), "mean": m.mean, "scatter": m.scatter[rows, columns]}

    @classmethod
    def from_state(cls, state: dict[str, Tensor]) -> "StreamingMoments":
        """What :meth:`state` was taken from."""
        streaming = cls(len(state["mean"]))
        rows, columns = torch.triu_indices(streaming.dim, streaming.dim)
        scatter = torch.empty(streaming.dim, streaming.dim, dtype=torch.float64)
        scatter[rows, columns] = scatter[columns, rows] = state["scatter"]
        streaming._folded = Moments(int(state["n"]), state["mean"], scatter)
        return streaming


@dataclass(frozen=True)
class FeatureStatistics:
    """The Gaussian of a reference set, with the name of the network that made its features.

    Attributes:
        extractor: the network's name; a distance to features of another network is refused.
        n: how many images it was taken from; None where a foreign file does not say.
        mean: ``[d]``, float64.
        covariance: ``[d, d]``, float64, divisor n - 1.
    """

    extractor: str
    n: int | None
    mean: Tensor
    covariance: Tensor

    @classmethod
    def of(cls, extractor: str, moments: Moments) -> "FeatureStatistics":
        """The Gaussian with these moments; needs two samples."""
        return cls(extractor, moments.n, moments.mean, moments.covariance())

    @property
    def fingerprint(self) -> str:
        """Hash of the network's name and the numbers."""
        digest = hashlib.sha256(self.extractor.encode())
        for tensor in (self.mean, self.covariance):
            digest.update(tensor.contiguous().numpy().tobytes())
        return digest.hexdigest()[:16]

    def save(self, path: Path) -> None:
        """Write a ``.safetensors`` file, or an ``.npz`` as pytorch-fid reads it (no name)."""
        if path.suffix == ".npz":
            n = np.array(-1 if self.n is None else self.n)
            np.savez(path, n=n, mu=self.mean.numpy(), sigma=self.covariance.numpy())
            return
        tensors = {"mean": self.mean.contiguous(), "covariance": self.covariance.contiguous()}
        metadata = {"extractor": self.extractor, "n": "" if self.n is None else str(self.n)}
        save_file(tensors, _safetensors(path), metadata)

    @classmethod
    def load(cls, path: Path) -> "FeatureStatistics":
        """Read what :meth:`save` wrote; an ``.npz`` (pytorch-fid: mu, sigma) is of ``fid``.

        Raises:
            UserError: there is no such file, or it holds something else.
        """
        if not path.is_file():
            raise UserError(f"No feature statistics at {path}.")
        try:
            return cls._load_npz(path) if path.suffix == ".npz" else cls._load_safetensors(path)
        except (KeyError, ValueError, OSError, SafetensorError) as error:
            raise UserError(f"{path} does not hold feature statistics: {error}") from error

    @classmethod
    def _load_npz(cls, path: Path) -> "FeatureStatistics":
        with np.load(path, allow_pickle=False) as file:
            mean, covariance = (torch.from_numpy(file[key]).double() for key in ("mu", "sigma"))
            n = int(file["n"]) if "n" in file else -1
        return cls("fid", n if n >= 0 else None, mean, covariance)

    @classmethod
    def _load_safetensors(cls, path: Path) -> "FeatureStatistics":
        with safe_open(_safetensors(path), framework="pt") as file:
            header = file.metadata() or {}
            n = int(header["n"]) if header["n"] else None
            mean, covariance = file.get_tensor("mean"), file.get_tensor("covariance")
        return cls(header["extractor"], n, mean, covariance)


def _safetensors(path: Path) -> Path:
    if path.suffix != ".safetensors":
        raise UserError(f"{path}: feature statistics are .safetensors or .npz files.")
    return path
