"""NVIDIA's TensorFlow pickles: (G, D, Gs), each a ``Network`` that describes itself.

A network's state has ``version`` (2: PGGAN, 3: StyleGAN, 4: StyleGAN2, 5: StyleGAN2-ADA),
``static_kwargs``, ``variables`` (pairs of name and array), ``components`` (networks inside it) and
``build_module_src``: Python source, which is left where it is.
"""

from typing import Any

from pipeline.generators.checkpoints.leaves import Admitted, Record
from pipeline.generators.checkpoints.limits import RefusedError

NETWORKS = ("dnnlib.tflib.network.Network", "tfutil.Network")
DESCRIPTION = ("version", "name", "static_kwargs", "build_func_name")
MAX_NETWORKS = 16


def tensorflow_names() -> dict[str, Admitted]:
    """The globals that only these pickles name, with their stand-ins."""
    return {name: Admitted(name, lambda name=name: Record(name)) for name in NETWORKS}


def is_tensorflow(tree: Any) -> bool:
    """Whether an object is a network, or the tuple of three that the training writes."""
    return isinstance(_averaged(tree), Record) and _averaged(tree).kind in NETWORKS


def tensorflow_tree(tree: Any) -> dict[str, Any]:
    """The averaged generator: ``Gs.version``, ``Gs.static_kwargs.*``, ``Gs.variables.<name>``.

    What belongs to a part stands under it: ``Gs.components.synthesis.variables.4x4/Const/const``.

    Raises:
        RefusedError: the network's description of itself is damaged.
    """
    return {"Gs": _network(_averaged(tree), set())}


def _averaged(tree: Any) -> Any:
    return tree[-1] if type(tree) is tuple and len(tree) == 3 else tree


def _network(record: Any, seen: set[int]) -> dict[str, Any]:
    components = record.get("components", {}) if isinstance(record, Record) else None
    if not isinstance(components, dict) or id(record) in seen or len(seen) > MAX_NETWORKS:
        raise RefusedError("a network in it has damaged components")
    seen.add(id(record))
    described = {key: record[key] for key in DESCRIPTION if key in record}
    described["variables"] = _variables(record.get("variables"))
    described["components"] = {name: _network(part, seen) for name, part in components.items()}
    return described


def _variables(pairs: Any) -> dict[str, Any]:
    if not isinstance(pairs, list | tuple):
        raise RefusedError("a network in it has no variables")
    variables: dict[str, Any] = {}
    for pair in pairs:
        if not isinstance(pair, list | tuple) or len(pair) != 2 or not isinstance(pair[0], str):
            raise RefusedError("a network in it has damaged variables")
        variables[pair[0]] = pair[1]
    return variables
