"""Training and measuring the identity embedding on families of alike faces."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from pipeline.datasets.procfaces.dataset import BLOCK, RenderedFaces
from pipeline.datasets.procfaces.factors import FACTORS, sample_factors
from pipeline.datasets.procfaces.parts import PARTS
from pipeline.datasets.procfaces.render import render
from pipeline.evaluators.embedded import IDENTITY, EmbeddedIdentity
from pipeline.evaluators.networks import Identifier, Reader
from pipeline.evaluators.quality import Score, area_under_curve, batches, bootstrap
from pipeline.evaluators.training import disturb, seeded

VIEWS = 8  # faces of one person: same identity factors, fresh expression and scene
SIBLINGS = 2  # persons of one family: half of their identity factors in common
FAMILY = VIEWS * SIBLINGS
TEMPERATURE = 0.1


@dataclass(frozen=True)
class IdentityQuality:
    """Held-out areas under the curve of the cosine: same person against others.

    Attributes:
        others: against persons drawn at random.
        siblings: against persons who share half of the identity factors.
    """

    others: Score
    siblings: Score


def family_factors(seed: int, block: int) -> Tensor:
    """Factors ``[BLOCK, F]`` of whole families: ``VIEWS`` faces of each of ``SIBLINGS`` persons."""
    generator = seeded("families", seed, block)
    families = BLOCK // FAMILY
    identity = torch.tensor([factor.group == "identity" for factor in FACTORS])
    first = sample_factors(families, generator)[:, None]
    persons = sample_factors(families * SIBLINGS, generator).view(families, SIBLINGS, -1)
    common = torch.rand(families, 1, len(FACTORS), generator=generator) < 0.5
    persons = torch.where(common, first, persons)
    scenes = sample_factors(BLOCK, generator).view(families, SIBLINGS, VIEWS, -1)
    return torch.where(identity, persons[:, :, None], scenes).view(BLOCK, -1)


def contrastive_loss(vectors: Tensor, persons: Tensor) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020, equation 2) of unit vectors.

    Args:
        vectors: ``[n, d]``, of length one.
        persons: int64 ``[n]``; every person occurs at least twice.
    """
    itself = torch.eye(len(vectors), dtype=torch.bool)
    logits = (vectors @ vectors.T / TEMPERATURE).masked_fill(itself, -torch.inf)
    logarithms = logits.log_softmax(1)
    positive = (persons[:, None] == persons[None]) & ~itself
    sums = torch.where(positive, logarithms, 0.0).sum(1)
    return -(sums / positive.sum(1)).mean()


def identity_loss(
    identifier: nn.Module, faces: RenderedFaces, families: int, views: int
) -> Callable[[torch.Generator], Tensor]:
    """The loss of ``views`` faces of each person of random families of a folder of families."""
    persons = torch.arange(families * SIBLINGS).repeat_interleave(views)

    def loss(generator: torch.Generator) -> Tensor:
        chosen = torch.randperm(len(faces) // FAMILY, generator=generator)[:families]
        offsets = torch.rand(families, SIBLINGS, VIEWS, generator=generator).argsort(2)
        places = torch.arange(SIBLINGS)[None, :, None] * VIEWS + offsets[:, :, :views]
        index = (chosen[:, None, None] * FAMILY + places).flatten()
        images = disturb(faces.images(index), generator)
        with torch.autocast("cpu", torch.bfloat16):
            vectors = identifier(images.contiguous(memory_format=torch.channels_last))
        return contrastive_loss(vectors.float(), persons)

    return loss


def new_identifier(reader: Reader, seed: int) -> Identifier:
    """An identifier that starts from a trained reader, all but the last layer of its summary."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        identifier = Identifier(len(PARTS), IDENTITY)
    state, known = identifier.state_dict(), reader.state_dict()
    state |= {name: known[name] for name in state if known[name].shape == state[name].shape}
    identifier.load_state_dict(state)
    return identifier.to(memory_format=torch.channels_last)


def ship(identifier: Identifier) -> EmbeddedIdentity:
    """The evaluator a trained identifier becomes, in evaluation mode."""
    evaluator = EmbeddedIdentity()
    evaluator.load_state_dict(identifier.state_dict())
    return evaluator.eval().requires_grad_(False)


def measure(evaluator: EmbeddedIdentity, families: int, seed: int = 1_000_003) -> IdentityQuality:
    """Quality on the persons of fresh families; the intervals resample families."""
    blocks = range(-(-families * FAMILY // BLOCK))
    factors = torch.cat([family_factors(seed, block) for block in blocks])[: families * FAMILY]
    images = render(factors).images
    vectors = torch.cat([evaluator(part).vectors for part in batches(images)])
    cosines = _by_family(vectors @ vectors.T, families)

    def statistic(index: Tensor) -> Tensor:
        same, siblings = cosines.same[index].flatten(), cosines.siblings[index].flatten()
        others = cosines.others[index].flatten()
        return torch.stack([area_under_curve(same, others), area_under_curve(same, siblings)])

    return IdentityQuality(*bootstrap(statistic, families))


@dataclass(frozen=True)
class _Cosines:
    """Cosines of pairs, one row per family: same person, siblings, and faces of other families."""

    same: Tensor
    siblings: Tensor
    others: Tensor


def _by_family(cosines: Tensor, families: int) -> _Cosines:
    blocks = cosines.view(families, FAMILY, families, FAMILY)
    own = torch.arange(families)
    inside = blocks[own, :, own].view(families, SIBLINGS, VIEWS, SIBLINGS, VIEWS)
    upper = torch.ones(VIEWS, VIEWS, dtype=torch.bool).triu(1)
    same = torch.stack([inside[:, k, :, k][:, upper] for k in range(SIBLINGS)], 1).flatten(1)
    siblings = inside[:, 0, :, 1].flatten(1)
    # Each family against the next one: as many pairs as needed, each family once on either side.
    others = blocks[own, :, (own + 1) % families].flatten(1)
    return _Cosines(same, siblings, others)
