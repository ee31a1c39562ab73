"""Smooth shapes: signed distances (negative inside), steps and bumps, all by cheap polynomials."""

import torch
from torch import Tensor


def smoothstep(low: float, high: float, x: Tensor) -> Tensor:
    """Cubic step from 0 at `low` to 1 at `high` (which may be the smaller one)."""
    t = ((x - low) * (1 / (high - low))).clamp_(0, 1)
    return t * t * (3 - 2 * t)


def bump(squared: Tensor) -> Tensor:
    """A hill that is 1 at 0 and reaches 0 with zero slope where the squared radius is 1."""
    t = (1 - squared).clamp_(min=0)
    return t * t


def coverage(distance: Tensor, width: float) -> Tensor:
    """How much of a pixel lies inside: 1 to 0 across an edge of the given width."""
    return (0.5 - distance * (1 / width)).clamp_(0, 1)


def smooth_max(x: Tensor, y: Tensor, radius: float) -> Tensor:
    """Maximum of two distances (intersection of shapes) with a rounded corner."""
    h = (0.5 + (x - y) * (0.5 / radius)).clamp_(0, 1)
    return torch.lerp(y, x, h).add_(h * (1 - h), alpha=radius)


def ellipse(x: Tensor, y: Tensor, width: Tensor | float, height: Tensor | float) -> Tensor:
    """About the distance to an ellipse, in units of the smaller half axis."""
    return torch.sqrt((x / width) ** 2 + (y / height) ** 2 + 1e-6) - 1


def squircle(x_squared: Tensor, y_squared: Tensor, square: Tensor | float) -> Tensor:
    """Fernandez-Guasti's squircle: 1 on the outline, from ellipse (0) to rectangle (1)."""
    corner = x_squared.clamp(max=1) * y_squared.clamp(max=1)
    return x_squared + y_squared - square * corner


def rounded_box(x: Tensor, y: Tensor, width: Tensor, height: Tensor, radius: Tensor) -> Tensor:
    """Exact distance to a box with rounded corners, given by its half sides."""
    dx, dy = x.abs() - (width - radius), y.abs() - (height - radius)
    outside = torch.sqrt(dx.clamp(min=0) ** 2 + dy.clamp(min=0) ** 2 + 1e-8)
    return outside + torch.maximum(dx, dy).clamp_(max=0) - radius


def slopes(height: Tensor, pixel: float) -> tuple[Tensor, Tensor]:
    """Central differences of height fields ``[n, h, w]`` along x and y, one-sided at the border."""
    dx, dy = torch.empty_like(height), torch.empty_like(height)
    torch.sub(height[:, :, 2:], height[:, :, :-2], out=dx[:, :, 1:-1])
    dx[:, :, 0], dx[:, :, -1] = dx[:, :, 1], dx[:, :, -2]
    torch.sub(height[:, 2:], height[:, :-2], out=dy[:, 1:-1])
    dy[:, 0], dy[:, -1] = dy[:, 1], dy[:, -2]
    return dx.mul_(0.5 / pixel), dy.mul_(0.5 / pixel)
