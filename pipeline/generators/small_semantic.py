"""The small SemanticStyleGAN of the embedded domain, as configurations name it."""

from pathlib import Path

from pipeline.errors import UserError
from pipeline.generators.checkpoints.own import load_own
from pipeline.generators.semantic_stylegan import SemanticStyleGAN
from pipeline.generators.style_based import check_truncation
from pipeline.generators.weights import read_generator


def load_semantic_stylegan(
    path: str, name: str, truncation_psi: float = 1.0, truncation_cutoff: int | None = None
) -> SemanticStyleGAN:
    """A SemanticStyleGAN of the project's own file, ready for evaluation.

    Args:
        path: the file, or the name of one of the shipped assets.
        name: the name the generator goes by.
        truncation_psi: pull of w towards its mean wherever z is mapped; 1 is none.
        truncation_cutoff: truncate only the first so many w+ rows; None truncates all.

    Raises:
        UserError: the file is missing, damaged or of another kind, or a setting does not fit.
    """
    check_truncation(truncation_psi, truncation_cutoff)
    read_generator(path, name)  # names the generator where it refuses the file
    stored = load_own(Path(path))
    if not isinstance(stored, SemanticStyleGAN):
        raise UserError(f"generator={name}: '{path}' holds a {type(stored).__name__}.")
    generator = SemanticStyleGAN(stored.config, truncation_psi, truncation_cutoff)
    generator.load_state_dict(stored.state_dict())
    generator.name = name
    return generator.eval().requires_grad_(False)
