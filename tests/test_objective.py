"""What a training aims at and is judged by: errors, the critic, distances and measures, each by construction."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.compat import mend_torchvision  # noqa: E402

mend_torchvision()

from training import metrics, objective, perceptual  # noqa: E402
from training.critic import Critic  # noqa: E402
from training.errors import TrainingError  # noqa: E402
from training.latents import robust_deviation  # noqa: E402


def test_divergence_is_zero_for_the_prior_and_counts_per_image_value():
    mean, log_variance, frames = torch.zeros(2, 8, 1, 1), torch.zeros(2, 8, 1, 1), torch.zeros(2, 3, 32, 32)
    assert objective.divergence(mean, log_variance, frames) == 0
    assert torch.isclose(objective.divergence(mean + 1, log_variance, frames), torch.tensor(0.5 * 8 / (3 * 32 * 32)))


def test_a_critic_learns_what_no_picture_shows():
    torch.manual_seed(8)
    critic = Critic()
    rows = torch.arange(64.0).view(1, 1, 64, 1)
    beads = 0.2 * (torch.arange(64) % 8 == 0)

    def pictures(seed):
        phase = torch.rand(6, 3, 1, 1, generator=torch.Generator().manual_seed(seed)) * 6
        return (0.5 + 0.3 * torch.sin(rows / 6 + phase)).expand(6, 3, 64, 64)

    first = [float(critic.learn(pictures(seed), pictures(seed) + beads)) for seed in range(40)][0]
    clean = pictures(900)
    beaded = (clean + beads).requires_grad_(True)
    assert float(critic.learn(clean, beaded)) < 0.5 * first  # on pictures it has not seen
    blame = critic.blame(clean, beaded)
    assert blame > critic.blame(clean, clean) == pytest.approx(np.log(2), abs=1e-3)
    blame.backward()
    assert all(parameter.grad is None or not parameter.requires_grad for parameter in critic.parameters())
    assert critic.blame(clean, (beaded - 0.02 * beaded.grad.sign()).detach()) < blame


def test_a_spread_that_a_few_large_values_do_not_change():
    values = torch.randn(2, 20001, generator=torch.Generator().manual_seed(4), dtype=torch.float64) * torch.tensor(
        [[1.0], [3.0]]
    )
    assert robust_deviation(values).tolist() == pytest.approx([1, 3], rel=0.03)
    values[:, :2000] *= 50
    assert robust_deviation(values).tolist() == pytest.approx([1, 3], rel=0.2)


def test_edges_count_slopes_and_not_levels():
    ramp = torch.zeros(1, 3, 32, 32)
    assert objective.edges(ramp + 0.3) == 0
    ramp[:, :, :, 16:] = 0.4  # one step: 0.4 across one of 31 pairs at full size, of 15 and of 7 when halved
    assert objective.edges(ramp) == pytest.approx(0.4 * (1 / 31 + 1 / 15 + 1 / 7) / 3, rel=1e-5)


def test_what_lies_beyond_white_and_black_is_measured():
    frames = torch.tensor([-0.3, -0.2, 0.5, 1.0, 1.6]).view(1, 1, 1, 5)
    assert objective.beyond(frames) == pytest.approx(0.5 / 5) and objective.beyond(
        frames.clamp(-0.2, 1.2)
    ) == pytest.approx(0, abs=1e-7)


def test_a_weave_is_measured_and_edges_hardly_are():
    x = torch.arange(128)
    comb = 0.1 * (1.0 - 2 * (x // 2 % 2))
    flat = torch.full((1, 3, 128, 128), 0.5)
    assert objective.weave(flat) == pytest.approx(0, abs=1e-6)
    for pattern in (comb.view(1, -1), comb.view(-1, 1), 10 * comb.view(1, -1) * comb.view(-1, 1)):
        assert objective.weave(flat + pattern) == pytest.approx(0.1, rel=1e-3)
    for calm in (0.4 * (x > 50), 0.4 * torch.sin(x / 9.0), 0.003 * x):
        assert objective.weave(flat + calm) < 0.005


@pytest.mark.parametrize("slope", [0, 0.3, 1, -0.7])
def test_teeth_are_measured_and_soft_or_moved_edges_hardly_are(slope):
    y, x = torch.meshgrid(torch.arange(128.0), torch.arange(128.0), indexing="ij")

    def edge(softness=1.5, moved=0.0, ragged=0.0):
        across = (x - 64 - slope * (y - 64) - moved + ragged * torch.sin(y * torch.pi / 2)) / (1 + slope**2) ** 0.5
        return (0.5 + 0.4 * torch.tanh(across / softness)).expand(1, 3, 128, 128)

    picture, ragged = edge(), edge(ragged=0.5)
    error = objective.teeth(ragged - picture, picture)
    assert error > 1e-3 and objective.teeth(ragged, ragged) > 4 * objective.teeth(picture, picture)
    for calm in (edge(softness=2.5), edge(moved=1.0), picture + 0.1):
        assert objective.teeth(calm - picture, picture) < 0.3 * error
    flat = torch.full_like(picture, 0.5)
    assert objective.edges(edge(moved=1.0) - picture) > 2 * objective.edges(ragged - picture)
    assert objective.teeth(ragged - picture, flat) == 0  # where there is no contour, nothing is along one


def test_a_line_along_an_end_is_measured_and_contours_are_not():
    flat = torch.full((1, 3, 96, 128), 0.5)
    line = flat.clone()
    line[..., -1] += 0.1  # one slope of the outermost 8 of one of four sides
    assert objective.rim(line) == pytest.approx(0.1 / 8 / 4, rel=1e-5) == objective.rim(line.flip(3))
    assert objective.rim(line.transpose(2, 3)) == pytest.approx(0.1 / 8 / 4, rel=1e-5)
    y, x = torch.meshgrid(torch.arange(96.0), torch.arange(128.0), indexing="ij")
    for calm in (
        flat,
        flat + 0.002 * x,
        flat + 0.3 * (x > 64),
        flat + 0.3 * (x + y > 90),
        flat + 0.2 * torch.sin(x / 5 + y / 7),
    ):
        assert objective.rim(calm) < 5e-4


def test_views_are_the_same_places_and_balance_is_a_ratio():
    source = torch.arange(64.0 * 64).view(1, 1, 64, 64).requires_grad_(True)
    torch.manual_seed(2)
    first, second = objective.views([source, source + 7], 16, 3)
    assert first.shape == (3, 1, 16, 16) and torch.equal(first + 7, second)
    assert objective.balance((6 * source).sum(), (2 * source).sum(), source) == pytest.approx(3)


def test_a_lattice_is_measured_by_construction():
    smooth = torch.rand(6, 3, 128, 128, generator=torch.Generator().manual_seed(3)) * 0.1
    ramp = 0.5 + 0.4 * torch.sin(torch.arange(129) / 9.0)[:128].expand(3, 128, 128)
    seams = smooth + ((torch.arange(128) // 32) % 2).float() * 0.3
    assert metrics.lattice(smooth, 32) < 0.05 and metrics.lattice([ramp + smooth[0]], 4) < 0.05
    assert metrics.lattice(seams, 32) > 0.5 and metrics.lattice(seams.transpose(2, 3), 32) > 0.5
    assert (
        metrics.lattice(smooth + torch.eye(4).repeat(32, 32), 4)
        < 0.1
        < metrics.lattice(smooth + torch.eye(4).repeat(32, 32)[:1], 4)
    )


def test_frames_of_less_than_a_cell_have_no_lattice():
    rows = torch.rand(3, 32, 128, generator=torch.Generator().manual_seed(3))
    assert metrics.lattice([rows[..., :32]], 32) == 0
    seams = rows * 0.1 + ((torch.arange(128) // 32) % 2).float() * 0.3
    assert metrics.lattice([seams], 32) > 0.5  # a row of whole cells


def test_measures_by_construction():
    flat = torch.full((1, 3, 32, 32), 0.5)
    assert metrics.psnr(flat, flat + 0.1) == pytest.approx(20, abs=1e-3)
    assert metrics.ssim(flat, flat) == pytest.approx(1) and metrics.ssim(torch.rand(1, 3, 32, 32), flat) < 0.1
    found = metrics.compare([("noise", flat[0], flat[0] + 0.1), ("glitch", flat[0], flat[0] + 0.01)], None)
    assert found["noise"]["psnr_db"] == pytest.approx(20, abs=1e-3) and found["all"]["psnr_db"] == pytest.approx(
        30, abs=1e-3
    )


def test_missing_weights_name_the_cure(tmp_path, monkeypatch):
    (tmp_path / "broken.whl").write_bytes(b"no zip")
    with pytest.raises(TrainingError, match="holds no weights of ST-LPIPS"):
        perceptual.choose(str(tmp_path / "broken.whl"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(TrainingError, match="the network that LPIPS needs, is missing"):
        perceptual.choose("lpips")
    assert perceptual.choose("none") is None
