"""Style channels of an attribute by a few examples (StyleSpace, Wu et al. 2021, Sec. 5)."""

import torch
from torch import Tensor

from pipeline.generators.base import Generator, Space
from pipeline.methods.gram import Progress
from pipeline.methods.reader import Predictor
from pipeline.methods.style_channels import sampled

RENDERED_AT_ONCE = 64


def relevance(styles: Tensor) -> Tensor:
    """Signed relevance of every channel: theta is its magnitude.

    Args:
        styles: styles of the examples ``[n, s]``, n at least 2, in deviations from the population.

    Returns:
        Mean over standard deviation of the examples ``[s]``, float64; 0 where they do not differ.
    """
    std, mean = torch.std_mean(styles.double(), dim=0)
    return mean / torch.where(std > 0, std, torch.inf)


def examples(
    generator: Generator,
    predictor: Predictor,
    column: int,
    count: int,
    candidates: int,
    random: torch.Generator,
    progress: Progress | None = None,
) -> Tensor:
    """Styles ``[count, s]`` of the images that show an attribute most, of some drawn at random.

    Args:
        generator: makes the images.
        predictor: reads the attribute.
        column: which of its attributes.
        count: examples to keep.
        candidates: images to draw.
        random: source of the codes.
        progress: called with the numbers of images read and to be read.
    """
    kept, values, done = torch.empty(0), torch.empty(0), 0
    for codes in sampled(generator, candidates, random, RENDERED_AT_ONCE):
        with torch.no_grad():
            read = predictor.standardised(generator.render(codes).clamp(-1, 1))[:, column].cpu()
            styles = generator.convert(codes, Space.S).values.cpu()
        values = torch.cat([values.to(read), read])
        kept = torch.cat([kept.to(styles).reshape(-1, styles.shape[1]), styles])
        best = values.topk(min(count, len(values))).indices
        values, kept, done = values[best], kept[best], done + len(codes)
        if progress is not None:
            progress(done, candidates)
    return kept
