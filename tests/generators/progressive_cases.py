"""Random networks under foreign names, and what they must give, straight from the formulas."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

State = dict[str, Tensor]


def random_like(shapes: dict[str, tuple[int, ...]], seed: int) -> State:
    """Tensors that are random everywhere, so that a forgotten one shows."""
    generator = torch.Generator().manual_seed(seed)
    return {k: torch.randn(shape, generator=generator) for k, shape in shapes.items()}


def hammer_stylegan(channels: tuple[int, ...], classes: int = 0, seed: int = 0) -> State:
    """A StyleGAN as Hammer stores it: z of 7, w of 6, three mapping layers of width 5."""
    shapes: dict[str, tuple[int, ...]] = {"w_avg": (6,)}
    features = (7 + 4 if classes else 7, 5, 5, 6)
    if classes:
        shapes["mapping.embedding"] = (classes, 4)
    for i in range(3):
        shapes[f"mapping.dense{i}.weight"] = (features[i + 1], features[i])
        shapes[f"mapping.dense{i}.bias"] = (features[i + 1],)
    previous = 0
    for i, width in enumerate(c for c in channels for _ in range(2)):
        name, size = f"synthesis.layer{i}", 4 * 2 ** (i // 2)
        start = {f"{name}.weight": (width, previous, 3, 3)} if i else {}
        shapes |= start or {f"{name}.const": (1, width, 4, 4)}
        shapes |= {
            f"{name}.bias": (width,),
            f"{name}.noise": (1, 1, size, size),
            f"{name}.noise_strength": (1, width, 1, 1),
            f"{name}.style.weight": (2 * width, 6),
            f"{name}.style.bias": (2 * width,),
            f"synthesis.output{i // 2}.weight": (3, width, 1, 1),
            f"synthesis.output{i // 2}.bias": (3,),
        }
        previous = width
    state = random_like(shapes, seed)
    for name in state:
        if name.startswith("mapping.dense"):
            state[name] *= 100
    taps = torch.tensor([[1.0, 2.0, 1.0]]) / 4
    for i in range(2, 2 * len(channels), 2):
        state[f"synthesis.layer{i}.filter"] = (taps * taps.T)[None, None]
    return state | {"synthesis.lod": torch.zeros(())}


def hammer_pggan(channels: tuple[int, ...], fused: bool = False, seed: int = 0) -> State:
    """A PGGAN as Hammer stores it, with 7 inputs."""
    shapes: dict[str, tuple[int, ...]] = {}
    previous = 7
    for i, width in enumerate(c for c in channels for _ in range(2)):
        k = 3 if i else 4
        kernel = (width, previous, k, k)
        turned = fused and i > 1 and i % 2 == 0
        shapes[f"layer{i}.weight"] = (previous, width, k, k) if turned else kernel
        shapes[f"layer{i}.bias"] = (width,)
        shapes[f"output{i // 2}.weight"] = (3, width, 1, 1)
        shapes[f"output{i // 2}.bias"] = (3,)
        previous = width
    return random_like(shapes, seed) | {"lod": torch.zeros(())}


def tensorflow_stylegan(state: State) -> State:
    """The same StyleGAN as variables of the official pickle."""
    blocks = sum(name.endswith(".const") or name.endswith(".filter") for name in state)
    made = {"variables.dlatent_avg": state["w_avg"], "variables.lod": state["synthesis.lod"]}
    for name, x in state.items():
        part, _, leaf = name.removeprefix("mapping.").removeprefix("synthesis.").partition(".")
        number = int("0" + "".join(c for c in part if c.isdigit()))
        synthesis, mapping = (f"components.{c}.variables." for c in ("synthesis", "mapping"))
        if part.startswith("dense"):
            made[f"{mapping}Dense{number}/{leaf}"] = x.T if leaf == "weight" else x
        elif part == "embedding":
            made[f"{mapping}LabelConcat/weight"] = x
        elif part.startswith("output"):
            moved = x.permute(2, 3, 1, 0) if leaf == "weight" else x
            made[f"{synthesis}ToRGB_lod{blocks - 1 - number}/{leaf}"] = moved
        elif leaf == "noise":
            made[f"{synthesis}noise{number}"] = x
        elif leaf not in ("", "filter"):
            made[synthesis + _tensorflow_layer(number) + _tensorflow_leaf(leaf)] = _turned(leaf, x)
    return made | {"components.synthesis.variables.lod": torch.tensor(3.0)}


def _tensorflow_layer(number: int) -> str:
    size = 4 * 2 ** (number // 2)
    return f"{size}x{size}/" + ("Const", "Conv", "Conv0_up", "Conv1")[number % 2 + 2 * (number > 1)]


def _tensorflow_leaf(leaf: str) -> str:
    names = {"noise_strength": "Noise/weight", "style.weight": "StyleMod/weight"}
    return "/" + (names | {"style.bias": "StyleMod/bias"}).get(leaf, leaf)


def _turned(leaf: str, x: Tensor) -> Tensor:
    if leaf == "noise_strength":
        return x.flatten()
    if leaf == "style.weight":
        return x.T
    return x.permute(2, 3, 1, 0) if leaf == "weight" else x


def tensorflow_pggan(state: State, fused: bool) -> State:
    """The same PGGAN as variables of the official pickle."""
    blocks = sum(name.startswith("output") for name in state) // 2
    made = {"lod": state["lod"]}
    for name, x in state.items():
        part, _, leaf = name.partition(".")
        number = int("0" + "".join(c for c in part if c.isdigit()))
        if part.startswith("output"):
            moved = x.permute(2, 3, 1, 0) if leaf == "weight" else x
            made[f"ToRGB_lod{blocks - 1 - number}/{leaf}"] = moved
        elif part == "layer0":
            dense = x.flip(2, 3).transpose(0, 1).flatten(1) if leaf == "weight" else x
            made[f"4x4/Dense/{leaf}"] = dense
        elif part.startswith("layer"):
            size, up = 4 * 2 ** (number // 2), ("Conv0", "Conv0_up")[fused]
            layer = ("Conv" if number == 1 else "Conv1") if number % 2 else up
            made[f"{size}x{size}/{layer}/{leaf}"] = _turned(leaf, x)
    return {f"variables.{name}": x for name, x in made.items()}


def naive_conv(x: Tensor, weight: Tensor, fused: bool | None) -> Tensor:
    """A convolution, or an up-convolution: fused as the references fuse it, or not."""
    weight = weight * math.sqrt(2 / weight[0].numel())
    if fused is None:
        return F.conv2d(x, weight, padding=weight.shape[-1] // 2)
    if not fused:
        return F.conv2d(x.repeat_interleave(2, 2).repeat_interleave(2, 3), weight, padding=1)
    n, _, h, w = x.shape
    y = torch.zeros(n, weight.shape[0], 2 * h + 2, 2 * w + 2, dtype=x.dtype)
    for i in range(3):
        for j in range(3):
            spread = torch.einsum("nchw,oc->nohw", x, weight[:, :, i, j])
            for di in (0, 1):
                for dj in (0, 1):
                    y[:, :, i + di : i + di + 2 * h : 2, j + dj : j + dj + 2 * w : 2] += spread
    return y[:, :, 1:-1, 1:-1]


def naive_mapping(state: State, z: Tensor, classes: Tensor | None = None) -> Tensor:
    """The mapping of StyleGAN: z and the embedded label normalised together."""
    x = z if classes is None else torch.cat([z, classes @ state["mapping.embedding"]], 1)
    x = x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()
    for i in range(3):
        weight, bias = (state[f"mapping.dense{i}.{leaf}"] for leaf in ("weight", "bias"))
        x = x @ weight.T * 0.01 * math.sqrt(2 / weight.shape[1]) + bias * 0.01
        x = torch.where(x > 0, x, 0.2 * x)
    return x


def naive_stylegan(state: State, w: Tensor, fused_from: int = 128, eps: float = 1e-8) -> Tensor:
    """The images of w that a StyleGAN in Hammer's form must give."""
    x, i = torch.zeros(()), 0
    while f"synthesis.layer{i}.bias" in state:
        part = {k: state.get(f"synthesis.layer{i}.{k}") for k in ("weight", "const", "noise")}
        size, up = 4 * 2 ** (i // 2), i > 1 and i % 2 == 0
        if part["weight"] is None:
            x = part["const"].repeat(len(w), 1, 1, 1)
        else:
            x = naive_conv(x, part["weight"], size >= fused_from if up else None)
        if up:
            padded = F.pad(x, (1, 1, 1, 1))
            rows = padded[:, :, :-2] + 2 * padded[:, :, 1:-1] + padded[:, :, 2:]
            x = (rows[..., :-2] + 2 * rows[..., 1:-1] + rows[..., 2:]) / 16
        x = x + part["noise"] * state[f"synthesis.layer{i}.noise_strength"]
        x = x + state[f"synthesis.layer{i}.bias"][:, None, None]
        x = torch.where(x > 0, x, 0.2 * x)
        variance, mean = torch.var_mean(x, (2, 3), correction=0, keepdim=True)
        style = w @ state[f"synthesis.layer{i}.style.weight"].T / math.sqrt(w.shape[1])
        style = (style + state[f"synthesis.layer{i}.style.bias"])[:, :, None, None]
        half = style.shape[1] // 2
        x = (x - mean) / (variance + eps).sqrt() * (style[:, :half] + 1) + style[:, half:]
        i += 1
    weight, bias = (state[f"synthesis.output{i // 2 - 1}.{leaf}"] for leaf in ("weight", "bias"))
    return naive_conv(x, weight, None) / math.sqrt(2) + bias[:, None, None]


def naive_pggan(state: State, x: Tensor, fused: bool = False) -> Tensor:
    """The images of a latent, with labels joined to it, that a PGGAN in Hammer's form must give."""
    x, i = x[:, :, None, None], 0
    while f"layer{i}.bias" in state:
        weight = state[f"layer{i}.weight"]
        x = x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()
        if i == 0:
            x = F.conv2d(x, weight * math.sqrt(2 / weight[0].numel()), padding=3)
        else:
            up = i % 2 == 0
            x = naive_conv(
                x, weight.transpose(0, 1) if up and fused else weight, fused if up else None
            )
        x = x + state[f"layer{i}.bias"][:, None, None]
        x = torch.where(x > 0, x, 0.2 * x)
        i += 1
    x = x / (x.square().mean(1, keepdim=True) + 1e-8).sqrt()
    weight, bias = (state[f"output{i // 2 - 1}.{leaf}"] for leaf in ("weight", "bias"))
    return naive_conv(x, weight, None) / math.sqrt(2) + bias[:, None, None]
