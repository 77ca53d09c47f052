"""The β-VAE itself: its linear start and smooth path, bounds, rounding, scales, and the latents it is trained on."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.compat import mend_torchvision  # noqa: E402

mend_torchvision()

from tiny_vae import TINY, lively  # noqa: E402

from training import norms, procedural  # noqa: E402
from training.latents import cut_borders, multiply_contrast, strengthen  # noqa: E402
from training.models import HIGH, LOW, VAE, activation, round_to_levels  # noqa: E402


def test_the_linear_start_is_a_codec():
    torch.manual_seed(0)
    rng = np.random.default_rng(1)
    frames = torch.from_numpy(
        np.stack([procedural.render(style, 1, k, (256, 256)) for style in procedural.STYLES for k in range(2)])
    )
    frames = frames.permute(0, 3, 1, 2).contiguous()
    places = rng.integers((0, 0, 0), (len(frames), 193, 193), (600, 3))
    model = VAE(TINY).eval()
    model.start_linear(torch.stack([frames[k, :, y : y + 64, x : x + 64] for k, y, x in places]))
    with torch.no_grad():
        model.encoder.out.weight.zero_()
        model.decoder.out.weight.zero_()
        latents = model.encoder(frames)[0]
        error = (model.decoder(latents) - frames).square().mean()
        blocks = torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(frames, 32), scale_factor=32.0)
        flat = model.decoder(model.encoder(torch.full((1, 3, 128, 128), 0.7))[0])
    assert error < 0.8 * (frames - blocks).square().mean()  # better than the mean colours of the cells alone
    assert 0.3 < latents.std((0, 2, 3)).min() and latents.std((0, 2, 3)).max() < 3
    assert (flat - 0.7).abs().max() < 0.05  # no seams, no borders


def test_level_latents_draw_no_cells():
    """Whatever was learned: constant latents draw constant frames, and latents that rise evenly frames that do."""
    torch.manual_seed(4)
    decoder = VAE(TINY).eval().decoder
    torch.nn.init.normal_(decoder.linear.weight)
    torch.nn.init.normal_(decoder.linear.bias)
    decoder.out.weight.data.zero_()
    flat = torch.randn(1, 8, 1, 1).expand(1, 8, 7, 9)
    down, across = (torch.arange(n, dtype=torch.float32) for n in (7, 9))
    risen = flat + 0.3 * torch.randn(1, 8, 1, 1) * down[:, None] + 0.3 * torch.randn(1, 8, 1, 1) * across

    def bends(latents):
        with torch.no_grad():
            frames = decoder(latents)[..., 64:-64, 64:-64]
        return max(float(frames.diff(n=2, dim=dim).abs().max()) for dim in (2, 3)), float(frames.std((2, 3)).max())

    assert min(bends(flat)) > 1e-3
    decoder.level()
    once = decoder.linear.weight.clone()
    assert max(bends(flat)) < 2e-5 and bends(risen)[0] < 2e-4 < 0.1 < bends(risen)[1]
    decoder.level()
    assert torch.allclose(decoder.linear.weight, once, atol=1e-5)  # what is level stays as it is


def test_the_smooth_path_has_no_corners():
    """With any weights, the differences between its pixels change slowly: nothing is narrower than eight pixels."""
    torch.manual_seed(5)
    decoder = VAE(TINY).eval().decoder
    torch.nn.init.normal_(decoder.linear.weight)
    decoder.out.weight.data.zero_()
    with torch.no_grad():
        frames = decoder(torch.randn(1, 8, 6, 6))[0]
    bends = frames.diff(n=2, dim=1).abs().max() / (frames.max() - frames.min())
    assert bends < 0.05


def test_no_latents_burst():
    """Whatever its weights and latents: the branches of a decoder without norms add no more than their bounds allow."""
    torch.manual_seed(6)
    decoder = norms.remove_norms(VAE(TINY).eval().decoder)
    for block in norms.blocks(decoder):
        torch.nn.init.normal_(block.conv1.weight, 0, 3)
    held = []
    for block in norms.blocks(decoder):
        block.conv2.register_forward_pre_hook(lambda _, given: held.append(given[0]))
    with torch.no_grad():
        decoder(100 * torch.randn(1, 8, 4, 5))
    assert len(held) == 4 and max(float(each.max()) for each in held) == pytest.approx(HIGH, abs=1e-3)
    assert min(float(each.min()) for each in held) > -0.3 and activation(torch.tensor(LOW - 50)) == pytest.approx(
        0, abs=0.003
    )


def test_rounding_leaves_even_levels_and_the_gradient():
    x = torch.tensor([[-0.9, -0.26, 0.0, 0.13, 1.1]], requires_grad=True)
    got = round_to_levels(x, levels=5)  # from -0.9 to 1.1 in steps of 0.5
    assert got[0].tolist() == pytest.approx([-1.0, -0.5, 0.0, 0.0, 1.0], abs=1e-6)
    (got * torch.arange(5.0)).sum().backward()
    assert x.grad[0].tolist() == [0, 1, 2, 3, 4]
    assert len(round_to_levels(torch.randn(1, 5000)).unique()) in range(90, 130)
    assert round_to_levels(torch.full((1, 3), 7.0))[0].tolist() == pytest.approx([7, 7, 7]) and round_to_levels(
        torch.zeros(1, 3)
    )[0].tolist() == [0, 0, 0]
    pictures = torch.randn(3, 8, 6, 6) * torch.tensor([0.1, 1.0, 10.0]).view(-1, 1, 1, 1)
    assert torch.equal(
        round_to_levels(pictures), torch.cat([round_to_levels(each[None]) for each in pictures])
    )  # each by its own range


def test_latents_are_cut_with_their_frames():
    cells = torch.arange(30.0).view(1, 1, 5, 6)
    frames = cells.repeat_interleave(32, 2).repeat_interleave(32, 3)
    rng = np.random.default_rng(3)
    found = [cut_borders(cells, frames, rng) for _ in range(60)]
    assert (
        len({tuple(latents.shape[2:]) for latents, _ in found}) == 9
        and len({float(latents[0, 0, 0, 0]) for latents, _ in found}) == 4
    )
    for latents, cut in found:
        assert torch.equal(latents.repeat_interleave(32, 2).repeat_interleave(32, 3), cut)
    few = cells[..., :2, :]
    assert cut_borders(few, frames, rng) == (few, frames)


def test_strong_latents_are_to_show_strong_contrasts():
    latents, frames = torch.ones(3000, 2, 1, 1), torch.tensor([0.5, 0.6, 0.95]).view(1, 3, 1, 1).expand(3000, 3, 4, 4)
    strong, wanted = strengthen(latents, frames, np.random.default_rng(3))
    strength = strong[:, 0, 0, 0]
    assert torch.equal(strong[:, 0], strong[:, 1]) and 1 <= strength.min() and 1.45 < strength.max() <= 1.5
    assert float((strength > 1).float().mean()) == pytest.approx(1 / 3, abs=0.03)
    assert torch.allclose(wanted[:, :2, 0, 0], torch.stack([torch.full((3000,), 0.5), 0.5 + 0.1 * strength], 1))
    assert wanted.max() == 1 and torch.equal(wanted[strength == 1], frames[strength == 1])
    assert multiply_contrast(torch.tensor([0.2, 0.4]), 1.5).tolist() == pytest.approx([0.05, 0.35])


def test_what_the_price_of_rounding_buys():
    """A decoder with large values, whose levels are far apart, learns to change less when values are rounded."""

    def trained(price):
        torch.manual_seed(4)
        decoder = norms.remove_norms(VAE(TINY).decoder)
        with torch.no_grad():
            decoder.out.weight.mul_(40)
            decoder.body[0].bias[0] = 40
        latents, probe = torch.randn(2, 2, 8, 4, 4)
        goal = decoder(latents).detach()
        optimizer = torch.optim.Adam(decoder.body.parameters(), 2e-3)
        for _ in range(30):
            optimizer.zero_grad()
            drawn = decoder(latents)
            moved = (decoder(latents, show=round_to_levels) - drawn).abs().mean()
            ((drawn - goal).abs().mean() + price * moved).backward()
            optimizer.step()
        with torch.no_grad():
            drawn = decoder(probe)
            return float((decoder(probe, show=round_to_levels) - drawn).abs().mean()), float(drawn.std())

    (free, lively), (priced, left) = trained(0.0), trained(10.0)
    assert priced < 0.85 * free and left > 0.8 * lively


def test_sparing_memory_changes_no_gradient():
    torch.manual_seed(0)
    model = VAE(TINY).train()
    for block in norms.blocks(model.decoder):
        torch.nn.init.ones_(block.norm2.weight)
    latents = torch.randn(2, 8, 2, 2)
    found = []
    for sparing in (False, True):
        model.decoder.body.sparing = sparing
        model.zero_grad()
        model.decoder(latents).square().mean().backward()
        found.append([p.grad.clone() for p in model.decoder.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*found))


def test_rescaling_changes_the_latents_and_no_picture():
    model = lively(2)
    frames, deviation = torch.rand(2, 3, 64, 64), torch.linspace(0.5, 2, 8)
    with torch.no_grad():
        mean, log_variance = model.encoder(frames)
        made = model.decoder(mean)
        model.rescale(deviation)
        scaled, narrowed = model.encoder(frames)
        assert torch.allclose(scaled * deviation.view(1, -1, 1, 1), mean, atol=1e-5)
        assert torch.allclose(narrowed + 2 * deviation.log().view(1, -1, 1, 1), log_variance, atol=1e-5)
        assert torch.allclose(model.decoder(scaled), made, atol=1e-5)
