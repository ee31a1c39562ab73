"""Principal components of a layer's features, brought back to z (GANSpace, Sec. 2.1).

For generators that have no w: the components are those of the first layer's features, and linear
regression says along which direction of z each of them grows.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import reduce
from operator import add

import torch
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Generator
from pipeline.generators.class_conditional import ClassConditional
from pipeline.generators.pggan import PGGAN
from pipeline.methods.gram import Progress
from pipeline.methods.signs import unit_rows
from pipeline.methods.style_channels import sampled
from pipeline.metrics.feature_statistics import Moments

BATCH = 2000
KEPT = 80  # components followed on the way, as in the reference


class IncrementalPCA:
    """Leading principal components of rows that come in batches (Ross et al. 2008, Sec. 2.3).

    Exact while the rows have no higher rank than the components that are kept.

    Args:
        kept: components kept between the batches.
    """

    def __init__(self, kept: int) -> None:
        self.kept, self.n = kept, 0
        self.mean, self.scaled = torch.zeros(()), torch.zeros(())

    def update(self, rows: Tensor) -> None:
        """Take in rows ``[m, d]``."""
        own, m = rows.mean(dim=0), len(rows)
        stacked = rows - own
        if self.n:
            between = math.sqrt(self.n * m / (self.n + m)) * (self.mean - own)
            stacked = torch.cat([self.scaled, stacked, between[None]])
        _, values, directions = torch.linalg.svd(stacked, full_matrices=False)
        self.scaled = values[: self.kept, None] * directions[: self.kept]
        self.mean = own if self.n == 0 else torch.lerp(self.mean, own, m / (self.n + m))
        self.n += m

    def components(self, count: int) -> tuple[Tensor, Tensor]:
        """Unit rows ``[count, d]`` and the variances along them ``[count]``."""
        leading = self.scaled[:count]
        variances = leading.square().sum(dim=1) / max(1, self.n - 1)
        return leading / leading.norm(dim=1, keepdim=True), variances


@dataclass(frozen=True, eq=False)
class LatentComponents:
    """Components of features, as directions of z.

    Attributes:
        directions: unit rows ``[k, z_dim]``, float64, by decreasing variance of the features.
        sigmas: standard deviation of z along each ``[k]``.
        variances: of the features along their components ``[k]``.
    """

    directions: Tensor
    sigmas: Tensor
    variances: Tensor


@torch.no_grad()
def first_features(generator: Generator, codes: Codes) -> Tensor:
    """The features ``[n, a]`` of the first layer, which z is turned into.

    Raises:
        UserError: the first layer of the generator is not known.
    """
    if isinstance(generator, PGGAN):
        inputs = generator.inputs(codes)[:, :, None, None]
        features: Tensor = generator.get_submodule("b4.conv0")(inputs, None)
        return features.flatten(1)
    if isinstance(generator, ClassConditional):
        first, _ = generator.conditions(codes.values, generator.embed(codes))
        outputs: Tensor = generator.linear(first)
        return outputs
    raise UserError(
        f"generator={generator.name} offers no space 'w', and its first layer is not known: "
        "method=ganspace works with the StyleGAN family, PGGAN and BigGAN."
    )


def latent_components(
    generator: Generator,
    like: Codes,
    count: int,
    samples: int,
    seed: int,
    progress: Progress | None = None,
) -> LatentComponents:
    """The leading components of the first layer's features, and the z directions of each.

    Args:
        generator: a PGGAN or a BigGAN.
        like: a code whose class all samples get, since components are those of one class.
        count: components wanted.
        samples: codes drawn; twice, for components and for the regression.
        seed: of these.
        progress: called with the numbers of codes done and to be done.
    """
    done = 0

    def drawn() -> Iterator[tuple[Tensor, Tensor]]:
        nonlocal done
        for z, rows in _drawn(generator, like, samples, seed):
            yield z, rows
            done += len(z)
            if progress is not None:
                progress(done, 2 * samples)

    pca = IncrementalPCA(max(KEPT, count))
    for _, rows in drawn():
        pca.update(rows)
    components, variances = pca.components(count)
    products, moments = [], []
    for z, rows in drawn():
        products.append(components @ (rows - pca.mean).T @ z)
        moments.append(Moments.of(z))
    directions = unit_rows(torch.stack(products).sum(dim=0))
    covariance = reduce(add, moments).covariance()
    sigmas = (directions @ covariance * directions).sum(dim=1).sqrt()
    return LatentComponents(directions, sigmas, variances)


def _drawn(
    generator: Generator, like: Codes, samples: int, seed: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of z ``[n, z_dim]`` and of their features ``[n, a]``, the same in every call."""
    for codes in sampled(generator, samples, torch.Generator().manual_seed(seed), BATCH):
        if codes.labels is not None and like.labels is not None:
            labels = like.labels[:1].expand(len(codes), *like.labels.shape[1:])
            codes = replace(codes, labels=labels)
        yield codes.values.double(), first_features(generator, codes).double()
