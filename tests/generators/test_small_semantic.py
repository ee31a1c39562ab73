"""The loader that a configuration of the small SemanticStyleGAN names."""

from pathlib import Path

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.generators.checkpoints.own import save_own
from pipeline.generators.pggan import PGGAN, PGGANConfig
from pipeline.generators.small_semantic import load_semantic_stylegan
from tests.generators.semantic_cases import random_network


def test_a_file_is_loaded_with_its_truncation(tmp_path: Path) -> None:
    network = random_network(psi=0.5)
    save_own(network, tmp_path / "g.safetensors", {})
    loaded = load_semantic_stylegan(str(tmp_path / "g.safetensors"), "mine", 0.5)
    z = Codes(Space.Z, torch.randn(2, 6, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(loaded.render(z), network.render(z))
    assert (loaded.name, loaded.fingerprint) == ("mine", network.fingerprint)


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    save_own(PGGAN(PGGANConfig(8, (4, 3), z_dim=4)), tmp_path / "p.safetensors", {})
    save_own(random_network(), tmp_path / "g.safetensors", {})
    with pytest.raises(UserError, match="holds a PGGAN"):
        load_semantic_stylegan(str(tmp_path / "p.safetensors"), "mine")
    with pytest.raises(UserError, match="generator=mine: there is no weights file"):
        load_semantic_stylegan("none.safetensors", "mine")
    with pytest.raises(UserError, match="truncation_cutoff=99"):
        load_semantic_stylegan(str(tmp_path / "g.safetensors"), "mine", 1.0, 99)
    with pytest.raises(UserError, match="must be a number"):
        load_semantic_stylegan(str(tmp_path / "g.safetensors"), "mine", "low")  # type: ignore[arg-type]
