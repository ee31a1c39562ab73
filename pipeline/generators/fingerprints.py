"""Hashes that tell one network from another."""

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor


def tensor_hash(tensors: Mapping[str, Tensor], about: str = "") -> str:
    """SHA-256 of a text and of named tensors (names, types, shapes, values), 64 hex digits.

    It depends neither on the order of the mapping nor on the tensors' device or memory layout.
    """
    digest = hashlib.sha256(about.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"\n{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        content = tensor.detach().cpu().contiguous().flatten().view(torch.uint8)
        digest.update(content.numpy().tobytes())
    return digest.hexdigest()
