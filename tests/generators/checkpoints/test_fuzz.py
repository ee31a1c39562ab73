"""Random damage to valid files: a network or one line, and nothing else ever."""

import pickle
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.generators.base import Generator
from pipeline.generators.checkpoints.load import read_checkpoint
from pipeline.generators.stylegan2 import StyleGAN2Config
from tests.generators.checkpoints.writers import WRITERS, random_network

places = st.integers(0, 1 << 30)
mutations = st.lists(
    st.tuples(places, st.sampled_from(["set", "cut", "insert"]), st.binary(max_size=9)),
    min_size=1,
    max_size=4,
)
opcodes = [
    v for k, v in vars(pickle).items() if k.isupper() and isinstance(v, bytes) and len(v) == 1
]
noise = st.lists(st.sampled_from(opcodes) | st.binary(max_size=6), max_size=40).map(b"".join)


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A small file of every form."""
    path = tmp_path_factory.mktemp("fuzz") / "file"
    network = random_network(StyleGAN2Config(8, (2, 1), 2, 2, 1))
    found = {}
    for form, write in WRITERS.items():
        write(network, path)
        found[form] = path.read_bytes()
    return found


def survive(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    try:
        assert isinstance(read_checkpoint(path).generator, Generator)
    except UserError as error:
        assert str(error).isprintable()


def mutated(content: bytes, changes: list[tuple[int, str, bytes]]) -> bytes:
    for place, kind, value in changes:
        at = place % max(len(content), 1)
        kept = {"set": len(value), "cut": 9 * len(value), "insert": 0}[kind]
        content = content[:at] + (b"" if kind == "cut" else value) + content[at + kept :]
    return content


@pytest.mark.parametrize("form", WRITERS)
def test_mutated_files(form: str, contents: dict[str, bytes], tmp_path: Path) -> None:
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(mutations)
    def run(changes: list[tuple[int, str, bytes]]) -> None:
        survive(tmp_path / "file", mutated(contents[form], changes))

    run()


def test_noise(tmp_path: Path) -> None:
    @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from([b"", b"\x80\x02", b"\x80\x04", b"PK\3\4"]), noise)
    @example(b"", b"")
    def run(start: bytes, content: bytes) -> None:
        survive(tmp_path / "file", start + content)

    run()
