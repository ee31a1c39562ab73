"""NVIDIA's PyTorch pickles (StyleGAN2-ADA, StyleGAN3): networks that bring their source along.

A module is ``_reconstruct_persistent_obj(meta)``: ``meta`` holds the name of the class, the whole
source file (which the original runs, and we leave where it is), and the ``__dict__`` of the
module: ``_parameters``, ``_buffers``, ``_modules`` and plain attributes.
"""

from typing import Any

from pipeline.generators.checkpoints.flat import is_plain
from pipeline.generators.checkpoints.leaves import Admitted, Leaf, Record
from pipeline.generators.checkpoints.limits import RefusedError, shown

RECONSTRUCT = "torch_utils.persistence._reconstruct_persistent_obj"
AVERAGED, TRAINED = "G_ema", "G"
MAX_PATH = 400


def nvidia_names() -> dict[str, Admitted]:
    """The globals that only these pickles name, with their stand-ins."""
    return {RECONSTRUCT: Admitted(RECONSTRUCT, _module)}


def is_nvidia(tree: Any) -> bool:
    """Whether an object is a module, or a mapping with a generator that is one."""
    return _generator(tree) is not None


def nvidia_tree(tree: Any) -> dict[str, Any]:
    """The averaged generator as a state dict, with what it was made with.

    ``G_ema.<name of the state dict>``, ``G_ema.init_kwargs.*`` (nested ones too), and the plain
    attributes of every module as ``G_ema.attributes.<module>.<attribute>``, the name of its class
    among them as ``class_name``.

    Raises:
        RefusedError: a module is damaged.
    """
    generator = _generator(tree)
    if generator is None:
        raise RefusedError("it holds no generator")
    found: dict[str, Any] = {"init_kwargs": generator.get("_init_kwargs", {})}
    pending: list[tuple[str, Any]] = [("", generator)]
    seen: set[int] = set()
    while pending:
        path, module = pending.pop()
        if not isinstance(module, Record) or id(module) in seen or len(path) > MAX_PATH:
            raise RefusedError(f"its module '{shown(path)}' is damaged")
        seen.add(id(module))
        found |= _tensors(path, module)
        found |= _attributes(path, module)
        inner = _mapping(module, "_modules")
        pending += [(f"{path}{name}.", child) for name, child in inner.items() if child]
    return {AVERAGED: found}


def _module(meta: Any) -> Record:
    """The stand-in of a module: the name of its class and its attributes."""
    if not isinstance(meta, dict) or not isinstance(meta.get("class_name"), str):
        raise RefusedError("a module in it is damaged")
    record = Record(RECONSTRUCT)
    record.set_state(meta.get("state"))
    record["class_name"] = meta["class_name"]
    return record


def _generator(tree: Any) -> Record | None:
    if isinstance(tree, dict) and not isinstance(tree, Record):
        tree = tree.get(AVERAGED) or tree.get(TRAINED)
    return tree if isinstance(tree, Record) and tree.kind == RECONSTRUCT else None


def _mapping(module: Record, name: str) -> dict[str, Any]:
    value = module.get(name, {})
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise RefusedError(f"a module in it has damaged '{name}'")
    return value


def _tensors(path: str, module: Record) -> dict[str, Any]:
    stored = _mapping(module, "_parameters") | _mapping(module, "_buffers")
    return {f"{path}{name}": leaf for name, leaf in stored.items() if isinstance(leaf, Leaf)}


def _attributes(path: str, module: Record) -> dict[str, Any]:
    return {
        f"attributes.{path}{name}": value
        for name, value in module.items()
        if isinstance(name, str) and not name.startswith("_") and is_plain(value)
    }
