"""GANSpace: principal components of a generator's latents (Härkönen et al. 2020)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator, Space
from pipeline.generators.style_based import StyleBased
from pipeline.methods.activation_pca import (
    LatentComponents,
    first_features,
    latent_components,
)
from pipeline.methods.base import Method
from pipeline.methods.clock import now
from pipeline.methods.edits import DirectionEdit, Edits
from pipeline.methods.gram import Progress
from pipeline.methods.latents import LayerRange
from pipeline.methods.layer_groups import as_groups, resolve_groups
from pipeline.methods.pca import principal_components
from pipeline.methods.style_channels import sampled
from pipeline.metrics.feature_statistics import Moments
from pipeline.regions.region import Region

BATCH = 10_000


@dataclass(frozen=True, eq=False, kw_only=True)
class SigmaEdit(DirectionEdit):
    """A step along a direction, in standard deviations of the latents along it (Sec. 2.2).

    Attributes:
        sigma: that standard deviation.
    """

    sigma: float

    def render(
        self, generator: Generator, codes: Codes, strengths: Tensor, reference: Codes | None
    ) -> Tensor:
        """Images of the codes moved by ``strength * sigma * direction``."""
        return super().render(generator, codes, strengths * self.sigma, reference)

    def spread(self, generator: Generator, codes: Codes) -> float:
        """One standard deviation: strengths are counted in it."""
        return 1.0


@dataclass
class GANSpace(Method):
    """Principal components of w, each used on some layers (Sec. 2.1-2.2).

    Of a PGGAN or a BigGAN, which have no w, the components are those of the first layer's features
    at the class of the first code given, and linear regression turns them into directions of z.

    It looks at no region: the same components come out for every region. Which of them carries an
    attribute is for the calibration to find.

    Args:
        num_directions: how many components to keep, by decreasing variance.
        groups: half-open ranges of w+ layers; every component makes an edit of each. None is one
            group of all layers. Published edits name a range each, e.g. ``[[8, 9]]``. Directions
            of z have no layers.
        num_samples: how many codes are drawn for the analysis; as in the reference, w is not
            truncated. The paper takes a million, the reference 300 000.
    """

    num_directions: int = 10
    groups: Sequence[Sequence[int | None]] | None = None
    num_samples: int = 300_000
    name: str = "ganspace"

    def __post_init__(self) -> None:
        if self.num_directions < 1:
            raise UserError(f"num_directions={self.num_directions} must be at least 1.")
        if self.num_samples < 2:
            raise UserError(f"num_samples={self.num_samples} must be at least 2.")
        if self.groups is not None:
            self.groups = as_groups(self.groups)

    def check(self, generator: Generator, region: Region) -> None:
        """Refuse a generator without w whose first layer is not known; any region will do."""
        if Space.W in generator.spaces:
            return
        if self.groups is not None:
            generator.require(Space.W, f"method={self.name} with groups of layers")
        first_features(generator, generator.sample(1, torch.Generator().manual_seed(0)))

    def discover(
        self,
        generator: Generator,
        codes: Codes,
        region: Region,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> Edits:
        """See :meth:`Method.discover`; draws codes of its own from the seed.

        Raises:
            UserError: see :meth:`check`; or the generator has fewer layers than a group names.
        """
        self.check(generator, region)
        if Space.W in generator.spaces:
            groups = self._groups(generator, codes)
            found, seconds = self._in_w(generator, codes, seed, progress)
        else:
            groups = [None]
            found, seconds = self._in_z(generator, codes, seed, progress)
        edits = [
            self._edit(generator, found, index, group, codes.values.dtype)
            for index in range(len(found.directions))
            for group in groups
        ]
        return self.found(
            tuple(edits),
            generator,
            region,
            seed,
            extra={"eigenvalues": found.variances.repeat_interleave(len(groups))},
            notes={"options": asdict(self), "seconds": seconds, "region": "not looked at"},
        )

    def _groups(self, generator: Generator, codes: Codes) -> list[LayerRange | None]:
        num_ws = generator.convert(codes[:1], Space.W_PLUS).values.shape[1]
        return list(resolve_groups(as_groups(self.groups), num_ws))

    def _in_w(
        self, generator: Generator, codes: Codes, seed: int, progress: Progress | None
    ) -> tuple[LatentComponents, dict[str, float]]:
        """The leading components of w, and the seconds they took."""
        device = codes.values.device
        began = now(device)
        moments = self._moments(generator, seed, progress)
        drawn = now(device)
        found = principal_components(moments)
        seconds = {"samples": drawn - began, "solve": now(device) - drawn}
        directions = found.directions[: self.num_directions]
        variances = found.variances[: self.num_directions]
        return LatentComponents(directions, variances.sqrt(), variances), seconds

    def _in_z(
        self, generator: Generator, codes: Codes, seed: int, progress: Progress | None
    ) -> tuple[LatentComponents, dict[str, float]]:
        """The leading components of the first layer as directions of z; likewise."""
        device = codes.values.device
        began = now(device)
        sizes = self.num_directions, self.num_samples
        found = latent_components(generator, codes[:1], *sizes, seed, progress)
        return found, {"samples": now(device) - began, "solve": 0.0}

    def _moments(self, generator: Generator, seed: int, progress: Progress | None) -> Moments:
        """Moments of the w drawn, batch by batch."""
        random, total, done = torch.Generator().manual_seed(seed), None, 0
        for codes in sampled(generator, self.num_samples, random, BATCH):
            part = Moments.of(untruncated(generator, codes))
            total, done = part if total is None else total + part, done + len(codes)
            if progress is not None:
                progress(done, self.num_samples)
        if total is None:
            raise RuntimeError("at least two samples are drawn")
        return total

    def _edit(
        self,
        generator: Generator,
        found: LatentComponents,
        index: int,
        group: LayerRange | None,
        dtype: torch.dtype,
    ) -> SigmaEdit:
        where = "z" if group is None else f"{group[0]}-{group[1] - 1}"
        return SigmaEdit(
            name=f"{self.name}/{where}/{index}",
            generator=generator.name,
            fingerprint=generator.fingerprint,
            direction=found.directions[index].to(dtype),
            space=Space.Z if group is None else Space.W,
            layers=group,
            sigma=float(found.sigmas[index]),
        )


@torch.no_grad()
def untruncated(generator: Generator, codes: Codes) -> Tensor:
    """The w ``[n, w_dim]`` of codes, without truncation where the generator tells it apart."""
    if isinstance(generator, StyleBased) and codes.space == Space.Z:
        return generator.map(codes.values, codes.labels)
    return generator.convert(codes, Space.W).values
