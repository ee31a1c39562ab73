"""The seconds that a step of a discovery took."""

import time

import torch


def now(device: torch.device) -> float:
    """Seconds on the clock, once the device has finished what it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
