"""The interpreter of pickles agrees with Python's own on what it lets in."""

import argparse
import math
import pickle
import pickle as p
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.generators.checkpoints.leaves import Record, StoredArray, StoredTensor, Text
from pipeline.generators.checkpoints.limits import RefusedError
from pipeline.generators.checkpoints.machine import LONG_TEXT
from pipeline.generators.checkpoints.unpickle import ACTIONS
from tests.generators.checkpoints.pickles import ONE, called, data, named, read, text, whole

PROTOCOLS = range(2, 6)

plain = st.none() | st.booleans() | st.integers(-(2**300), 2**300) | st.floats() | st.text()
keys = st.text() | st.integers() | st.booleans() | st.none()
values = st.recursive(
    plain,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(keys, inner),
    max_leaves=20,
)


def same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and math.isnan(a):
        return isinstance(b, float) and math.isnan(b)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and bool(a == b)


@settings(max_examples=60, deadline=None)
@given(values, st.sampled_from(PROTOCOLS))
def test_plain_values_of_every_protocol(value: Any, protocol: int) -> None:
    assert same(value, read(pickle.dumps(value, protocol)))


def test_every_opcode_is_known() -> None:
    opcodes = {
        value
        for name, value in vars(p).items()
        if name.isupper() and isinstance(value, bytes) and len(value) == 1
    }
    assert {code[0] for code in opcodes} - {p.STOP[0]} <= ACTIONS.keys()


@pytest.mark.parametrize("protocol", [0, 1])
def test_old_protocols_without_escapes(protocol: int) -> None:
    value = {"a": [1, 2.5, None, True, -3], "b": ("x", 2**40)}
    assert read(pickle.dumps(value, protocol)) == value


def test_strings_of_python_2() -> None:
    pairs = p.SHORT_BINSTRING + b"\x02ab" + p.BINSTRING + b"\x02\0\0\0\xe9z"
    assert read(whole(p.MARK, pairs, p.DICT)) == {"ab": "\xe9z"}


def test_shared_and_repeated_objects_stay_shared() -> None:
    inner = [1]
    outer = read(pickle.dumps([inner, inner, (inner,)], 4))
    assert outer[0] is outer[1] is outer[2][0]


def test_marks_and_pops() -> None:
    assert read(whole(ONE, p.MARK, ONE, p.POP, p.POP)) == 1
    assert read(whole(ONE, p.MARK, ONE, ONE, p.POP_MARK)) == 1
    assert read(whole(ONE, p.DUP, p.TUPLE2)) == (1, 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_sets_and_data(protocol: int) -> None:
    found = read(pickle.dumps({"s": {3}, "b": b"\x00\xff\xe9" * 1000, "e": set()}, protocol))
    assert found["s"] == [3]
    assert found["e"] == []
    assert bytes(found["b"]) == b"\x00\xff\xe9" * 1000


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_containers_with_a_name(protocol: int) -> None:
    ordered = OrderedDict(a=1, b=[2])
    ordered.extra = 5  # an attribute, as state dicts have
    assert read(pickle.dumps(ordered, protocol)) == {"a": 1, "b": [2]}
    namespace = read(pickle.dumps(argparse.Namespace(size=8, path="x"), protocol))
    assert isinstance(namespace, Record)
    assert namespace == {"size": 8, "path": "x"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f2", ">i8", "u1", "?", "<f8"])
def test_arrays(protocol: int, kind: str) -> None:
    array = (np.arange(24).reshape(2, 3, 4) % 2).astype(kind)
    for stored in (array, np.asfortranarray(array), array[:, :0], array[0, 0, 0:1].reshape(())):
        found = read(pickle.dumps(stored, protocol))
        assert isinstance(found, StoredArray)
        tensor = found.tensor()
        expected = torch.from_numpy(
            np.ascontiguousarray(stored).astype(stored.dtype.newbyteorder("="))
        )
        assert tensor.shape == stored.shape
        assert torch.equal(tensor, expected.reshape(stored.shape))
    assert read(pickle.dumps(array[0, 0, 1], protocol)) == array[0, 0, 1].item()


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_tensors(protocol: int) -> None:
    base = torch.arange(24.0).reshape(4, 6)
    views = [
        base,
        base.T,
        base[1:3, ::2],
        base[0, 0],
        torch.nn.Parameter(base),
        base.half(),
        base > 3,
    ]
    found = read(pickle.dumps(views, protocol))
    for tensor, stored in zip(views, found, strict=True):
        assert isinstance(stored, StoredTensor)
        assert torch.equal(stored.tensor(), tensor.detach())


def test_long_text_stays_in_the_file() -> None:
    long, short = "é" * LONG_TEXT, "é" * 100
    found = read(pickle.dumps([long, short], 4))
    assert isinstance(found[0], Text)
    assert bytes(found[0].utf8).decode() == long
    assert found[1] == short


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (b"", "truncated"),
        (b".", "damaged"),
        (whole(), "damaged"),
        (whole(p.TUPLE2), "lacks items"),
        (whole(p.APPENDS), "damaged"),
        (whole(ONE, ONE, p.APPEND), "no list"),
        (whole(ONE, ONE, ONE, p.SETITEM), "no mapping"),
        (whole(p.EMPTY_DICT, p.MARK, ONE, p.SETITEMS), "no mapping"),
        (whole(p.BINGET, b"\x05"), "damaged"),
        (whole(p.BINPUT, b"\x05"), "damaged"),
        (whole(b"\xff"), "damaged"),
        (p.PROTO + b"\x09.", "protocol 9"),
        (whole(p.BINUNICODE, b"\x02\0\0\0\xff\xff"), "damaged"),
        (whole(p.FLOAT, b"x\n"), "damaged"),
        (whole(p.STRING, b"'a\\x41'\n"), "escaped"),
        (whole(p.EMPTY_DICT, p.EMPTY_LIST, ONE, p.SETITEM), "a list as a key"),
        (whole(p.EMPTY_DICT, ONE, p.TUPLE1, ONE, p.SETITEM), "a tuple as a key"),
        (whole(ONE, ONE, p.BUILD), "state to a int"),
        (whole(ONE, p.EMPTY_TUPLE, p.REDUCE), "no function"),
        (whole(named("numpy", "ndarray"), p.EMPTY_TUPLE, p.REDUCE), "only be named"),
        (whole(called("numpy", "dtype", text("O8"))), "not plain numbers"),
        (whole(called("numpy", "dtype", text("f4,O8"))), "not plain numbers"),
        (whole(called("numpy", "dtype", p.EMPTY_LIST)), "a list"),
        (whole(called("_codecs", "encode", text("x"), text("rot13"))), "unknown way"),
        (whole(called("torch.storage", "_load_from_bytes", data(b"abc"))), "nested stream"),
        (whole(called("torch._utils", "_rebuild_tensor_v2", ONE, ONE, ONE, ONE)), "cut from"),
        (whole(called("torch._utils", "_rebuild_parameter", ONE)), "parameter"),
        (whole(called("torch", "Size", data(b"abc"))), "size"),
        (whole(called("builtins", "set", ONE)), "set"),
        (whole(called("collections", "OrderedDict", ONE, ONE)), "damaged"),
    ],
)
def test_damage_is_refused(broken: bytes, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        read(broken)
