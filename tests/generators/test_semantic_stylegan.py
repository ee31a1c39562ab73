"""SemanticStyleGAN against the recorded reference, and its own promises."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from pipeline.errors import UserError
from pipeline.generators.base import Codes, Space
from pipeline.generators.checkpoints import semantic_stylegan as form
from pipeline.generators.layers_semantic import blending_shares, grid, soft_masks
from pipeline.generators.semantic_stylegan import SemanticStyleGAN
from tests.conftest import Oracle
from tests.generators.semantic_cases import CONFIG, random_network

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script` is")

Case = tuple[SemanticStyleGAN, dict[str, Tensor]]


@pytest.fixture
def case(oracle: Oracle) -> Case:
    tensors, _ = oracle("semantic_stylegan_a")
    state = {k.removeprefix("state."): x for k, x in tensors.items() if k.startswith("state.")}
    return form.build(state), tensors


def close(actual: Tensor, expected: Tensor) -> None:
    """Equal within 1e-5 of the largest value."""
    torch.testing.assert_close(
        actual, expected, rtol=0, atol=1e-5 * float(expected.abs().max().clamp(min=1))
    )


def codes(network: SemanticStyleGAN, n: int = 2, seed: int = 1) -> Codes:
    return network.sample(n, torch.Generator().manual_seed(seed))


def test_recorded_codes_and_styles(case: Case) -> None:
    network, t = case
    z = Codes(Space.Z, t["in.z"])
    close(network.convert(z, Space.W).values, t["out.w"])
    close(network.expand(network.convert(z, Space.W_PLUS).values), t["out.latent_expanded"])
    assert torch.equal(network.expand(t["in.latent"]), t["out.codes.latent_expanded"])
    styles, slices = network.convert(z, Space.S).values, network.style_slices
    close(styles[:, slices["background.conv1"]], t["out.style.local_nets.0.linears.1"])
    close(styles[:, slices["class1.conv1"]], t["out.style.local_nets.1.linears.1"])


def test_recorded_images_masks_and_depths(case: Case) -> None:
    network, t = case
    seen: dict[str, Tensor] = {}
    layer = network.synthesis.get_submodule("b8.conv1")
    handle = layer.register_forward_hook(lambda _m, _i, out: seen.update(conv1=out))
    made = network.compose(Codes(Space.Z, t["in.z"]))
    handle.remove()
    close(seen["conv1"], t["out.act.render_net.convs.1"])
    close(made.depths, t["out.depths"])
    close(made.coarse, t["out.seg_coarse"])
    close(made.scores, t["out.seg"])
    close(made.images, t["out.image"])
    assert torch.equal(made.labels.long(), t["out.seg"].argmax(1))


def test_recorded_local_features(case: Case) -> None:
    network, t = case
    positions = grid(16, t["in.z"])
    embedding = network.embedding(positions)
    close(embedding, t["out.act.pos_embed"][0].flatten(1))
    styles = network.convert(Codes(Space.Z, t["in.z"]), Space.S).values
    _, local = network.local(styles, embedding)
    for k in (0, 1):
        only = torch.zeros(2, 4, 256)
        only[:, k] = 1
        close(network.local.fuse(local, only), t[f"out.act.local_nets.{k}.feat"].flatten(2))


@pytest.mark.parametrize(("given", "name"), [("latent", "codes"), ("latent_expanded", "expanded")])
def test_recorded_images_of_other_codes(case: Case, given: str, name: str) -> None:
    network, t = case
    made = network.compose(Codes(Space.W_PLUS, t[f"in.{given}"]))
    close(made.coarse, t[f"out.{name}.seg_coarse"])
    close(made.scores, t[f"out.{name}.seg"])
    close(made.images, t[f"out.{name}.image"])


def test_recorded_truncation_and_dropped_classes(case: Case) -> None:
    network, t = case
    made = network.compose(Codes(Space.W_PLUS, t["in.latent"]), present=t["in.composition_mask"])
    close(made.coarse, t["out.masked.seg_coarse"])
    close(made.images, t["out.masked.image"])
    network.mapping.w_avg = t["in.mean_latent"]
    network.truncation_psi = 0.7
    near = network.convert(Codes(Space.Z, t["in.z"]), Space.W_PLUS).values
    close(network.expand(near), t["out.psi0.7.latent_expanded"])
    made = network.compose(Codes(Space.Z, t["in.z"]))
    close(made.scores, t["out.psi0.7.seg"])
    close(made.images, t["out.psi0.7.image"])


def test_fusion_is_the_formula_written_out_class_by_class() -> None:
    network = random_network()
    styles = network.convert(codes(network), Space.S).values
    depths, local = network.local(styles, network.embedding(grid(8, styles)))
    shares = blending_shares(soft_masks(depths), (3,))
    masks = depths.softmax(1)
    heads = network.local
    features = []
    for k in range(4):
        weight = heads.feature_weight[k] * heads.feature_modulation[k] / 5**0.5
        features.append(weight @ local[:, k] + heads.feature_bias[k][:, None])
    opaque = masks[:, :3].sum(1)
    expected = sum(features[k] * (masks[:, k] / opaque)[:, None] for k in range(3))
    expected = expected + features[3] * masks[:, 3][:, None]
    close(network.local.fuse(local, shares), expected)


def test_a_class_far_in_front_can_be_left_out() -> None:
    depths = torch.tensor([[[500.0, 0.0], [1.0, 1.0], [0.0, 2.0]]], requires_grad=True)
    masks = soft_masks(depths, torch.tensor([0.0, 1.0, 0.5]))
    torch.testing.assert_close(masks.sum(1), torch.ones(1, 2))
    near = math.e / (math.e + 0.5)
    torch.testing.assert_close(masks[0, :, 0], torch.tensor([0.0, near, 1 - near]))
    masks[0, 1].sum().backward()
    assert depths.grad is not None and depths.grad.isfinite().all()


def test_a_code_moves_only_what_reads_it() -> None:
    network = random_network(transparent=())
    ws = network.convert(codes(network), Space.W_PLUS).values
    structure, texture = network.class_rows["mouth"]
    base = network.compose(Codes(Space.W_PLUS, ws))
    moved = ws.clone()
    moved[:, texture] += 1
    other = network.compose(Codes(Space.W_PLUS, moved))
    assert torch.equal(other.depths, base.depths)
    assert not torch.equal(other.images, base.images)
    moved[:, structure] += 1
    other = network.compose(Codes(Space.W_PLUS, moved))
    changed = (other.depths != base.depths).flatten(2).any(2).any(0)
    assert changed.tolist() == [False, False, True, False]
    moved = ws.clone()
    moved[:, 0] += 1  # base code
    changed = network.compose(Codes(Space.W_PLUS, moved)).depths != base.depths
    assert changed.flatten(2).any(2).all(0).tolist() == [False, True, True, True]


def test_spaces_lead_to_the_same_image() -> None:
    network = random_network(psi=0.7)
    z = codes(network)
    expected = network.render(z)
    for space in (Space.W, Space.W_PLUS, Space.S):
        torch.testing.assert_close(network.render(network.convert(z, space)), expected)
    expanded = Codes(Space.W_PLUS, network.expand(network.convert(z, Space.W_PLUS).values))
    assert network.convert(expanded, Space.W_PLUS) is expanded
    torch.testing.assert_close(network.render(expanded), expected)
    assert sum(s.stop - s.start for s in network.style_slices.values()) == 4 * 4 * 5


def test_dropped_classes_are_not_seen() -> None:
    network = random_network()
    z = codes(network)
    kept = network.present(["background", "skin"])
    made = network.compose(z, present=kept)
    assert (made.coarse[:, 2:] == -1).all()
    torch.testing.assert_close(made.coarse[:, :2].sum(1), torch.zeros(2, 8, 8))
    styles = network.convert(z, Space.S).values.clone()
    styles[:, network.style_slices["mouth.conv2"]] += 1
    torch.testing.assert_close(
        network.compose(Codes(Space.S, styles), present=kept).images, made.images
    )
    with pytest.raises(UserError, match="mouht"):
        network.present(["mouht"])


def test_positions_of_a_class_move_it() -> None:
    network = random_network()
    z = codes(network, 1)
    plain = grid(8, network.w_avg).expand(1, 4, 2, 64)
    base = network.compose(z, positions=plain)
    torch.testing.assert_close(base.images, network.render(z))
    moved = plain.clone()
    moved[:, 2, 0] += 2 / 7  # one column to the right of the map
    depths = network.compose(z, positions=moved).depths
    torch.testing.assert_close(depths[:, 2, :, :-1], base.depths[:, 2, :, 1:], rtol=0, atol=1e-4)
    torch.testing.assert_close(depths[:, 1], base.depths[:, 1])


def test_forward_mode_reverse_mode_and_vmap_agree() -> None:
    network = random_network().double()
    for space in (Space.W, Space.W_PLUS, Space.S):
        z = Codes(Space.Z, codes(network, 1).values.double())
        at = network.convert(z, space).values[0].clone()
        step = torch.randn(at.shape, generator=torch.Generator().manual_seed(3)).double()

        def render(values: Tensor, space: Space = space) -> Tensor:
            return network.render(Codes(space, values[None]))[0]

        image, tangent = torch.func.jvp(render, (at,), (step,))
        finite = (render(at + 1e-6 * step) - render(at - 1e-6 * step)) / 2e-6
        torch.testing.assert_close(tangent, finite, rtol=1e-5, atol=1e-6)
        weights = torch.randn_like(image)
        _, pull = torch.func.vjp(render, at)
        torch.testing.assert_close((pull(weights)[0] * step).sum(), (weights * tangent).sum())
        steps = torch.stack([step, -2 * step])
        many = torch.func.vmap(lambda s, at=at: torch.func.jvp(render, (at,), (s,))[1])(steps)
        torch.testing.assert_close(many[0], tangent)
        torch.testing.assert_close(many[1], -2 * tangent)


def test_scores_can_stand_for_themselves() -> None:
    network = random_network()
    alone = SemanticStyleGAN(replace(CONFIG, refine_scores=False))
    alone.load_state_dict(network.state_dict())
    z = codes(network)
    with torch.no_grad():
        both, own = network.compose(z), alone.compose(z)
    raised = F.interpolate(both.coarse, scale_factor=2, mode="nearest")
    torch.testing.assert_close(both.images, own.images)
    difference = both.scores - own.scores
    assert torch.corrcoef(torch.stack([difference.flatten(), raised.flatten()]))[0, 1] > 0.8


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"coarse_resolution": 4}, "coarse_resolution=4"),
        ({"resolution": 24}, "resolution=24"),
        ({"depth_layers": 4}, "must rise"),
        ({"transparent": ("hat",)}, "transparent"),
        ({"classes": ("a", "a")}, "different names"),
    ],
)
def test_impossible_architectures(changes: dict[str, object], said: str) -> None:
    with pytest.raises(UserError, match=said):
        replace(CONFIG, **changes)  # type: ignore[arg-type]


def test_mistakes_are_named() -> None:
    network = random_network()
    with pytest.raises(UserError, match="noise"):
        network.render(codes(network), "loud")
    with pytest.raises(UserError, match="w\\+"):
        network.render(Codes(Space.W_PLUS, torch.zeros(1, 3, 6)))
