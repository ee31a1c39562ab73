"""Files that try to run something: nothing runs, and the error names what was asked for."""

import copyreg
import io
import os
import pickle as p
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from pipeline.errors import UserError
from pipeline.generators.checkpoints.load import read_checkpoint
from pipeline.generators.checkpoints.torch_stream import MAGIC
from pipeline.generators.stylegan2 import StyleGAN2Config
from tests.generators.checkpoints.pickles import ONE, called, data, named, text, whole
from tests.generators.checkpoints.writers import (
    Network,
    modules,
    random_network,
    tensorflow_networks,
    tensorflow_variables,
    write_nvidia,
)

PLAIN = StyleGAN2Config(8, (3, 2), 4, 4, 2)


@pytest.fixture
def marker(tmp_path: Path) -> Iterator[Path]:
    """A file that appears as soon as anything runs."""
    path = tmp_path / "marker"
    yield path
    assert not path.exists()


def refused(content: bytes, folder: Path) -> str:
    path = folder / "file.pkl"
    path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_checkpoint(path)
    message = str(caught.value)
    assert message.isprintable()
    assert str(path) in message
    return message


def as_is(content: bytes) -> bytes:
    return content


def in_zip(content: bytes) -> bytes:
    """As the pickle of a torch zip file."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", content)
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def in_legacy(content: bytes) -> bytes:
    """As the fourth pickle of a legacy torch stream."""
    system = {"protocol_version": 1001, "little_endian": True}
    head = b"".join(p.dumps(value, 2) for value in (MAGIC, 1001, system))
    return head + content + p.dumps([], 2)


def nested(content: bytes) -> bytes:
    """In a stream inside a pickle, where PyTorch's own function unpickles anything."""
    return whole(called("torch.storage", "_load_from_bytes", data(in_legacy(content))))


def nested_raw(content: bytes) -> bytes:
    return whole(called("torch.storage", "_load_from_bytes", data(content)))


CALLS: dict[str, Callable[[bytes], bytes]] = {
    "reduce": lambda a: named("os", "system") + a + p.TUPLE1 + p.REDUCE,
    "reduce of builtins": lambda a: called("builtins", "eval", a),
    "reduce of Python 2": lambda a: called("__builtin__", "execfile", a),
    "stack global": lambda a: (
        text("os") + text("system") + p.STACK_GLOBAL + a + p.TUPLE1 + p.REDUCE
    ),
    "stack global of a path": lambda a: (
        text("collections") + text("OrderedDict.__init__.__globals__") + p.STACK_GLOBAL
    ),
    "inst": lambda a: p.MARK + a + p.INST + b"os\nsystem\n",
    "obj": lambda a: p.MARK + named("os", "system") + a + p.OBJ,
    "newobj": lambda a: named("subprocess", "Popen") + a + p.TUPLE1 + p.NEWOBJ,
    "newobj with keywords": lambda a: (
        named("subprocess", "Popen") + a + p.TUPLE1 + p.EMPTY_DICT + p.NEWOBJ_EX
    ),
    "build": lambda a: (
        named("argparse", "Namespace")
        + p.EMPTY_TUPLE
        + p.NEWOBJ
        + p.EMPTY_DICT
        + text("__setstate__")
        + named("os", "system")
        + p.SETITEM
        + p.BUILD
        + a
        + p.BUILD
    ),
    "build of a stand-in": lambda a: (
        named("collections", "OrderedDict")
        + p.EMPTY_DICT
        + text("call")
        + a
        + p.SETITEM
        + p.BUILD
        + p.EMPTY_TUPLE
        + p.REDUCE
    ),
    "extension 1": lambda a: p.EXT1 + b"\xf0" + a + p.TUPLE1 + p.REDUCE,
    "extension 2": lambda a: p.EXT2 + b"\xf0\0" + a + p.TUPLE1 + p.REDUCE,
    "extension 4": lambda a: p.EXT4 + b"\xf0\0\0\0" + a + p.TUPLE1 + p.REDUCE,
    "persistent id of protocol 0": lambda a: p.PERSID + b"os.system\n",
    "persistent id": lambda a: a + p.BINPERSID,
    "persistent module": lambda a: p.MARK + text("module") + a + a + a + p.TUPLE + p.BINPERSID,
    "buffer": lambda a: p.NEXT_BUFFER,
    "object array": lambda a: called(
        "numpy.core.multiarray", "_reconstruct", named("os", "system"), ONE, ONE
    ),
    "import of torch": lambda a: called("torch", "load", a),
    "getattr": lambda a: called("builtins", "getattr", named("os", "path"), a),
    "partial": lambda a: called("functools", "partial", named("os", "system"), a),
    "copyreg": lambda a: called("copyreg", "_reconstructor", named("os", "system"), a, p.NONE),
    "terminal": lambda a: named("\x1b[31mos", "sys\ttem"),
}

SAID = {
    "extension 1": "extension code 240",
    "extension 2": "extension code 240",
    "extension 4": "extension code 240",
    "persistent id of protocol 0": "persistent id",
    "persistent id": "persistent id",
    "persistent module": "persistent id",
    "buffer": "buffers outside",
    "reduce of builtins": "'builtins.eval'",
    "reduce of Python 2": "'__builtin__.execfile'",
    "stack global of a path": "OrderedDict.__init__.__globals__",
    "newobj": "'subprocess.Popen'",
    "newobj with keywords": "'subprocess.Popen'",
    "build of a stand-in": "gives a state to a",
    "import of torch": "'torch.load'",
    "getattr": "'builtins.getattr'",
    "partial": "'functools.partial'",
    "copyreg": "'copyreg._reconstructor'",
    "terminal": "x1b[31mos",
}


@pytest.mark.parametrize("wrap", [as_is, in_zip, in_legacy, nested])
@pytest.mark.parametrize("family", CALLS)
def test_nothing_runs(family: str, wrap, marker: Path, tmp_path: Path) -> None:
    command = text(
        f"open({str(marker)!r}, 'w')" if "eval" in SAID.get(family, "") else f"touch {marker}"
    )
    registered = ("os", "system")
    copyreg.add_extension(*registered, 0xF0)
    try:
        message = refused(wrap(whole(CALLS[family](command))), tmp_path)
    finally:
        copyreg.remove_extension(*registered, 0xF0)
        copyreg.clear_extension_cache()
    assert SAID.get(family, "'os.system'") in message


@pytest.mark.parametrize("depth", [1, 2])
def test_streams_in_streams(depth: int, marker: Path, tmp_path: Path) -> None:
    content = whole(CALLS["reduce"](text(f"touch {marker}")))
    for _ in range(depth):
        content = nested(content)
    message = refused(content, tmp_path)
    assert ("os.system" if depth == 1 else "_load_from_bytes") in message
    assert "nested stream" in refused(nested_raw(whole(CALLS["reduce"](ONE))), tmp_path)


def test_text_pickles_are_refused_by_name(marker: Path, tmp_path: Path) -> None:
    for content in (
        f"cos\nsystem\n(S'touch {marker}'\ntR.",
        f"(S'touch {marker}'\nios\nsystem\n.",
        f"(cos\nsystem\nS'touch {marker}'\no.",
        f"c__builtin__\neval\n(V__import__('os').mknod('{marker}')\ntR.",
    ):
        assert "'os.system'" in refused(content.encode(), tmp_path).replace(
            "__builtin__.eval", "os.system"
        )


class Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.mknod, (str(self.marker),)


@pytest.mark.parametrize("legacy", [False, True])
def test_torch_files_with_an_object(legacy: bool, marker: Path, tmp_path: Path) -> None:
    path = tmp_path / "file.pt"
    torch.save({"g_ema": Evil(marker)}, path, _use_new_zipfile_serialization=not legacy)
    assert f"'{os.mknod.__module__}.mknod'" in refused(path.read_bytes(), tmp_path)


def test_whole_modules_are_refused(tmp_path: Path) -> None:
    for legacy in (False, True):
        file = io.BytesIO()
        torch.save(torch.nn.Linear(2, 2), file, _use_new_zipfile_serialization=not legacy)
        assert "'torch.nn.modules.linear.Linear'" in refused(file.getvalue(), tmp_path)


def test_source_in_nvidia_files_stays_text(marker: Path, tmp_path: Path) -> None:
    path = tmp_path / "file.pkl"
    source = f"open({str(marker)!r}, 'w').close()\n"
    write_nvidia(random_network(PLAIN), path, source=source)
    assert read_checkpoint(path).form == "stylegan2-nvidia"


def test_source_in_tensorflow_files_stays_text(marker: Path, tmp_path: Path) -> None:
    path = tmp_path / "file.pkl"
    with modules(dnnlib__tflib__network__Network=Network):
        network = tensorflow_networks(tensorflow_variables(random_network(PLAIN)), 4)
        network.build_module_src = f"open({str(marker)!r}, 'w').close()\n"
        path.write_bytes(p.dumps(network, 4))
    assert read_checkpoint(path).form == "stylegan2-tensorflow"


def test_programs_are_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            archive.writestr(f"archive/{name}", p.dumps({}, 2))
    assert "TorchScript" in refused(file.getvalue(), tmp_path)


def test_records_outside_the_archive_are_refused(tmp_path: Path) -> None:
    claim = (
        p.MARK
        + text("storage")
        + named("torch", "FloatStorage")
        + text("../../secret")
        + text("cpu")
        + p.BININT
        + struct.pack("<i", 4)
        + p.TUPLE
        + p.BINPERSID
    )
    assert "missing" in refused(in_zip(whole(claim)), tmp_path)
