"""The other families through real files: what is read is what was recorded."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from pipeline.generators.base import Codes, Space
from pipeline.generators.checkpoints.load import FORMS, read_checkpoint
from tests.conftest import Oracle
from tests.generators.checkpoints.writers import Network, modules, tensorflow_networks

Save = Callable[[dict[str, Any], Path], None]


def zipped(state: dict[str, Any], path: Path) -> None:
    torch.save(state, path)


def legacy(state: dict[str, Any], path: Path) -> None:
    torch.save(state, path, _use_new_zipfile_serialization=False)


def hammer(state: dict[str, Any], path: Path) -> None:
    torch.save({"models": {"generator_smooth": state}, "model_kwargs_init": {}}, path)


def state_of(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {k.removeprefix("state."): x for k, x in tensors.items() if k.startswith("state.")}


@pytest.mark.parametrize("save", [zipped, legacy])
@pytest.mark.parametrize(
    ("case", "form"),
    [
        ("biggan_ajbrock_a", "biggan-ajbrock"),
        ("biggan_deep_ajbrock_a", "biggan-deep-ajbrock"),
        ("biggan_deep_hf_a", "biggan-deep-huggingface"),
        ("pix2pixhd_global_a", "pix2pixhd"),
        ("pix2pixhd_local_a", "pix2pixhd"),
    ],
)
def test_state_dicts(oracle: Oracle, case: str, form: str, save: Save, tmp_path: Path) -> None:
    state = state_of(oracle(case)[0])
    save(state, tmp_path / "file")
    found = read_checkpoint(tmp_path / "file")
    assert found.form == form
    expected = next(f for f in FORMS if f.name == form).build(state)
    assert found.generator.fingerprint == expected.fingerprint


@pytest.mark.parametrize("save", [zipped, legacy, hammer])
@pytest.mark.parametrize(
    ("case", "image"), [("stylegan_hammer_a", "image_const"), ("pggan_hammer_a", "image")]
)
def test_hammer(oracle: Oracle, case: str, image: str, save: Save, tmp_path: Path) -> None:
    tensors, _ = oracle(case)
    save(state_of(tensors), tmp_path / "file")
    generator = read_checkpoint(tmp_path / "file").generator
    expected = tensors[f"out.{image}"]
    made = generator.render(Codes(Space.Z, tensors["in.z"]))
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-4 * float(expected.abs().max()))


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize(
    ("case", "module", "version"),
    [("tf_stylegan_a", "dnnlib__tflib__network", 3), ("tf_pggan_a", "tfutil", 2)],
)
def test_tensorflow(
    oracle: Oracle, case: str, module: str, version: int, protocol: int, tmp_path: Path
) -> None:
    tensors, meta = oracle(case)
    variables = {k: x.numpy() for k, x in state_of(tensors).items()}
    with modules(**{f"{module}__Network": Network}):
        averaged = tensorflow_networks(variables, version, **meta["static_kwargs"])
        averaged.variables = [(k, v) for k, v in averaged.variables if k != "lod"]
        averaged.variables.append(("lod", np.float32(0)))
        if version == 2:
            del averaged.components
        content = pickle.dumps((Network(version=2), Network(version=2), averaged), protocol)
    (tmp_path / "file").write_bytes(content)
    found = read_checkpoint(tmp_path / "file")
    assert found.form.endswith("-tensorflow")
    made = found.generator.render(Codes(Space.Z, tensors["in.z"]))
    expected = tensors["out.image"]
    torch.testing.assert_close(made, expected, rtol=0, atol=1e-4 * float(expected.abs().max()))
