"""Files that claim more than they hold, or ask for endless work: refused, at little cost."""

import io
import pickle as p
import resource
import struct
import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.checkpoints.hollow import Hollow
from pipeline.generators.checkpoints.limits import FLOOR
from pipeline.generators.checkpoints.load import read_checkpoint
from pipeline.generators.checkpoints.stylegan2_export import to_nvidia
from pipeline.generators.layers import EqualizedLinear
from pipeline.generators.stylegan2 import StyleGAN2Config, channels_for
from tests.generators.checkpoints.pickles import ONE, called, data, named, text, whole
from tests.generators.checkpoints.test_malicious import in_legacy
from tests.generators.checkpoints.writers import random_network, write_rosinality

HUGE = 1 << 40
MIB = 1 << 20


def claim(count: int, key: str = "0", kind: str = "Float") -> bytes:
    """A storage by its persistent id."""
    number = p.LONG1 + b"\x08" + struct.pack("<q", count)
    fields = text("storage") + named("torch", f"{kind}Storage") + text(key) + text("cpu") + number
    return p.MARK + fields + p.TUPLE + p.BINPERSID


def integers(*values: int) -> bytes:
    return p.MARK + b"".join(p.LONG1 + b"\x08" + struct.pack("<q", v) for v in values) + p.TUPLE


def tensor(storage: bytes, shape: bytes, strides: bytes) -> bytes:
    return called("torch._utils", "_rebuild_tensor_v2", storage, p.BININT1 + b"\0", shape, strides)


def zipped(content: bytes, **records: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        for name, value in records.items():
            archive.writestr(f"archive/data/{name[1:]}", value)
    return file.getvalue()


def array(shape: bytes, raw: bytes) -> bytes:
    state = p.MARK + ONE + shape + called("numpy", "dtype", text("f4")) + p.NEWFALSE + raw + p.TUPLE
    new = called("numpy.core.multiarray", "_reconstruct", named("numpy", "ndarray"), ONE, ONE)
    return new + state + p.BUILD


def nested_tuples(depth: int) -> bytes:
    return p.EMPTY_TUPLE + p.TUPLE1 * depth


def shared_pairs(depth: int) -> bytes:
    """Lists of two times the list before: 2^depth leaves in a few bytes each."""
    pair = b"".join(
        p.EMPTY_LIST
        + p.MARK
        + p.BINGET
        + bytes([i])
        + p.BINGET
        + bytes([i])
        + p.APPENDS
        + p.BINPUT
        + bytes([i + 1])
        for i in range(depth)
    )
    return p.EMPTY_LIST + p.BINPUT + b"\0" + pair


def compressed() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", whole(p.NONE) + b"\0" * (64 * MIB))
    return file.getvalue()


def crowded() -> bytes:
    """A directory that claims billions of records."""
    return b"PK\3\4" + b"\0" * 100 + b"PK\5\6" + struct.pack("<4H2LH", 0, 0, 65535, 65535, 9, 4, 0)


BOMBS: dict[str, bytes] = {
    "long text": whole(p.BINUNICODE8, struct.pack("<Q", HUGE)),
    "long data": whole(p.BINBYTES8, struct.pack("<Q", HUGE)),
    "long array": whole(p.BYTEARRAY8, struct.pack("<Q", HUGE)),
    "longest": whole(p.BYTEARRAY8, b"\xff" * 8),
    "long string": whole(p.BINSTRING, b"\xff" * 4),
    "long integer": whole(p.LONG4, b"\xff\xff\xff\x7f"),
    "long frame": whole(p.FRAME, struct.pack("<Q", HUGE)),
    "far memo": whole(ONE, p.LONG_BINPUT, b"\xff" * 4, p.NONE, p.TUPLE2),
    "far text memo": whole(ONE, p.PUT, b"9" * 19 + b"\n"),
    "many lists": whole(p.EMPTY_LIST * MIB),
    "many marks": whole(p.MARK * MIB),
    "many steps": whole((p.NONE + p.POP) * MIB),
    "many copies": whole(p.NONE + p.DUP * (3 * MIB // 2)),
    "many memos": whole(ONE + p.MEMOIZE * MIB),
    "deep tuples": whole(nested_tuples(100_000)),
    "deep lists": whole(p.EMPTY_LIST * 50_000 + p.APPEND * 49_999),
    "deep key": whole(p.EMPTY_DICT, nested_tuples(100_000), ONE, p.SETITEM),
    "shared pairs": whole(shared_pairs(100)),
    "itself": whole(p.EMPTY_LIST + p.BINPUT + b"\0" + p.BINGET + b"\0" + p.APPEND),
    "itself in a mapping": whole(
        p.EMPTY_DICT + p.BINPUT + b"\0" + text("a") + p.BINGET + b"\0" + p.SETITEM
    ),
    "tuple of data": whole(called("torch", "Size", data(b"\0" * MIB))),
    "encoded again and again": whole(
        text("x" * MIB),
        p.BINPUT,
        b"\0",
        p.POP,
        p.MARK,
        *[called("_codecs", "encode", p.BINGET + b"\0", text("latin1")) for _ in range(60)],
        p.LIST,
    ),
    "wide text": whole(called("_codecs", "encode", text("é" * MIB + "☃"), text("latin1"))),
    "large array": whole(array(integers(HUGE), data(b"\0" * 8))),
    "array of a huge shape": whole(array(integers(*[1 << 40] * 8), data(b""))),
    "empty array of a huge shape": whole(array(integers(0, 1 << 40), data(b""))),
    "deep shape": whole(array(nested_tuples(50_000), data(b""))),
    "large storage": zipped(whole(claim(HUGE)), _0=b"\0" * 8),
    "large legacy storage": in_legacy(whole(claim(HUGE))),
    "stretched tensor": zipped(
        whole(tensor(claim(2), integers(1 << 20, 1 << 20), integers(0, 0))), _0=b"\0" * 8
    ),
    "overlapping tensor": zipped(
        whole(tensor(claim(2), integers(1 << 30), integers(1))), _0=b"\0" * 8
    ),
    "backward tensor": zipped(whole(tensor(claim(2), integers(2), integers(-1))), _0=b"\0" * 8),
    "large empty tensor": zipped(
        whole(tensor(claim(0), integers(0, 1 << 40), integers(1, 1))), _0=b""
    ),
    "compressed": compressed(),
    "crowded": crowded(),
    "safetensors header": struct.pack("<Q", 1 << 31) + b"{" + b" " * 100,
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_cost_little(bomb: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(BOMBS[bomb])
    resident, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(UserError) as caught:
            read_checkpoint(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    bound = 2.2 * len(BOMBS[bomb]) + 1.5 * FLOOR
    assert peak < bound
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident
    assert grown * 1024 < bound + 100 * MIB
    assert time.process_time() - start < 20
    assert str(caught.value).isprintable()


def test_shared_storages_are_counted(tmp_path: Path) -> None:
    """One storage under many names would grow into a network many times the file."""
    path = tmp_path / "file"
    shared = torch.zeros(8 * MIB // 4)
    torch.save({str(i): shared.view(-1) for i in range(40)}, path)
    with pytest.raises(UserError, match="claim"):
        read_checkpoint(path)


def test_a_misfit_is_found_before_memory_is_taken(tmp_path: Path) -> None:
    """Long biases would make kernels of terabytes."""
    state = to_nvidia(random_network(StyleGAN2Config(8, (3, 2), 4, 4, 2)))
    state["synthesis.b4.conv1.bias"] = torch.zeros(200_000)
    state["synthesis.b4.conv1.affine.weight"] = torch.zeros(3, 200_000)
    path = tmp_path / "file"
    torch.save(state, path)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match="stylegan2-nvidia"):
        read_checkpoint(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident < 100 * 1024


def resident(key: str) -> int:
    """A number of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(key)).split()[1]) * 1024


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("legacy", [True, False])
def test_a_network_takes_at_most_twice_its_file(legacy: bool, tmp_path: Path) -> None:
    """The file has nothing but the network in it, which is the worst case."""
    path = tmp_path / "file"
    large = random_network(StyleGAN2Config(64, channels_for(64, 65536, 512)))
    write_rosinality(large, path, legacy)
    del large
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # starts the peak afresh
    generator = read_checkpoint(path).generator
    grown = resident("VmHWM") - before
    assert 0.5 < grown / path.stat().st_size < 2.2
    assert generator.resolution == 64


def test_networks_without_memory() -> None:
    before = resident("VmRSS")
    with Hollow():
        network = torch.nn.Sequential(torch.nn.Conv2d(9999, 9999, 9), EqualizedLinear(9999, 9999))
    assert network[0].weight.shape == (9999, 9999, 9, 9)
    assert resident("VmRSS") - before < 10 * MIB
    with pytest.raises(ValueError, match="more tensors"), Hollow(3):
        [EqualizedLinear(2, 2) for _ in range(3)]
