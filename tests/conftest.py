"""What all tests share: one thread, and the recorded outputs of the reference implementations."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

Oracle = Callable[[str], tuple[dict[str, Tensor], dict[str, Any]]]

TESTS = Path(__file__).parent
ORACLES = (TESTS / "data", TESTS.parent.parent / "shared" / "oracles")

torch.set_num_threads(1)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes 10 seconds or more; leave out by -m 'not slow'")


@pytest.fixture(scope="session")
def oracle() -> Oracle:
    """Reader of a recorded case by name: its tensors and its notes; skips where it is absent."""

    def read(name: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
        folder = next((f for f in ORACLES if (f / f"{name}.safetensors").is_file()), None)
        if folder is None:
            pytest.skip(f"the recorded case {name} is not on this machine")
        meta = json.loads((folder / f"{name}.json").read_text())
        return load_file(folder / f"{name}.safetensors"), meta

    return read
