"""Hearing: sounds whose features are known by construction."""

import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from n2s.hearing.grid import Grid, phase
from n2s.hearing.harmony import harmonic_change, struck_and_held
from n2s.hearing.pooling import normalise, normalise_peaks, pool
from n2s.hearing.rows import STEP, analyse
from n2s.hearing.song import hear
from n2s.hearing.spectrum import mel_bank, window_size
from n2s.hearing.strikes import attacks, impulses

RATES = [Fraction(24), Fraction(30), Fraction(60), Fraction(30000, 1001)]


class Sound:
    """Samples in memory, read the way a file is."""

    def __init__(self, samples, rate=44100):
        self.data = np.atleast_2d(np.asarray(samples, np.float32))
        self.rate = rate
        self.channels, self.samples = self.data.shape
        self.at = None

    def read(self, start, n):
        assert self.at is None or start == self.at, "every sample is read once, forwards"
        self.at = start + n
        out = np.zeros((self.channels, n), np.float32)
        low, high = min(max(start, 0), self.samples), min(max(start + n, 0), self.samples)
        out[:, low - start : low - start + high - low] = self.data[:, low:high]
        return out


def clicks(bpm, rate=44100, seconds=20, first=0.3137, attack=None):
    """A click track; its samples and where its clicks are. With an attack: short bursts of noise over faint noise."""
    rng = np.random.default_rng(0)
    samples = np.zeros(seconds * rate)
    places = np.round(np.arange(first, seconds - 0.2, 60 / bpm) * rate).astype(int)
    for place in places:
        if attack:
            long = int(0.06 * rate)
            samples[place : place + long] += (
                0.5 * np.exp(-np.arange(long) / (attack * rate)) * rng.standard_normal(long)
            )
        else:
            samples[place] = 0.9
    return samples + (1e-3 * rng.standard_normal(len(samples)) if attack else 0), places


def sine(hertz, rate=44100, seconds=2, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(seconds * rate) / rate)


def white(amplitude, seconds=1):
    return amplitude * np.random.default_rng(0).standard_normal(seconds * 44100)


def middle(heard, name):
    return heard[name][8:-8]


# Onsets


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
@pytest.mark.parametrize("attack", [None, 0.012])
def test_onsets_lie_on_their_clicks(rate, attack):
    samples, places = clicks(140, rate, attack=attack)
    heard = analyse(Sound(samples, rate))
    hop = int(heard["hop"])
    near = np.round(places / hop).astype(int)
    rows = np.array([row - 8 + np.argmax(heard["onset"][row - 8 : row + 9]) for row in near])
    # Half a hop is the grid itself; a burst of noise is loudest when chance will have it.
    assert np.abs(rows * hop - places).max() < (0.75 if attack else 0.6) * hop
    for fps in RATES:
        frames = int(20 * fps)
        onset = pool(heard["onset"], hop, rate, fps, frames, "max")
        for place in places:
            k = round(float(place / rate * fps))
            low, high = max(k - 4, 0), min(k + 5, frames)
            assert abs(low + int(np.argmax(onset[low:high])) - k) <= 1


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 96000])
@pytest.mark.parametrize("attack", [None, 0.012])
def test_a_flash_lies_in_the_frame_of_its_click(rate, attack):
    samples, places = clicks(140, rate, attack=attack)
    heard = analyse(Sound(samples, rate))
    rows = attacks(heard["onset"])
    rows = rows[heard["onset"][rows] > 0.3 * heard["onset"].max()]
    hop, strength = int(heard["hop"]), heard["onset"][rows]
    times = (rows * hop + heard["sharp"][rows]) / rate
    assert len(times) == len(places) and np.abs(times - places / rate).max() < (0.003 if attack else 0.0011)
    for fps in RATES:
        flashes = np.flatnonzero(impulses(rows, strength, heard["sharp"], hop, rate, fps, int(20 * fps)))
        assert np.abs(flashes - places / rate * float(fps)).max() < 0.53, fps


def test_rare_hits_keep_their_strengths():
    """Three hits in a minute, each half as strong as the one before."""
    raw = np.zeros(1800)
    raw[[200, 900, 1500]] = 4, 2, 1
    assert normalise_peaks(raw)[[200, 900, 1500]].tolist() == pytest.approx([1, 2 / 3.8, 1 / 3.8], abs=0.01)
    assert not normalise_peaks(np.zeros(5)).any() and len(normalise_peaks(np.zeros(0))) == 0


# Level and colour


def test_rms_of_a_ramp():
    rate, seconds = 44100, 4
    ramp = np.linspace(0, 0.8, rate * seconds)
    heard = analyse(Sound(ramp * np.sign(sine(1000, rate, seconds, 1) + 1e-9)))
    time = np.arange(len(heard["rms"])) * int(heard["hop"]) / rate
    assert np.allclose(heard["rms"][8:-8], 0.2 * time[8:-8], atol=1e-3)


def test_rms_does_not_dip_at_the_ends_and_hears_all_channels():
    wave = np.sign(sine(1000, seconds=1) + 1e-9) * 0.5
    heard = analyse(Sound(np.stack([wave, -wave])))
    assert np.allclose(heard["rms"][:-1], 0.5, atol=1e-6)
    alike = analyse(Sound(np.stack([wave, wave])))
    for name in ("low", "mid", "high", "onset", "mfcc", "levels"):  # opposite phases do not cancel
        assert np.array_equal(heard[name], alike[name]) and alike[name].max() > 0, name
    assert np.allclose(heard["width"][8:-8], 1) and not alike["width"].any()


@pytest.mark.parametrize("hertz", [110, 440, 3000, 12000])
@pytest.mark.parametrize("rate", [44100, 48000])
def test_centroid_of_a_sine(hertz, rate):
    heard = analyse(Sound(sine(hertz, rate), rate))
    assert np.allclose(middle(heard, "centroid"), hertz, rtol=0.02)
    assert middle(heard, "flatness").max() < 0.01


def test_flatness_of_white_noise():
    heard = analyse(Sound(white(0.1)))
    assert 0.45 < middle(heard, "flatness").min() and middle(heard, "flatness").max() < 0.7
    assert middle(heard, "centroid").mean() == pytest.approx(11025, rel=0.02)


@pytest.mark.parametrize("hertz,band", [(100, "low"), (1000, "mid"), (8000, "high")])
def test_bands_of_sines(hertz, band):
    heard = analyse(Sound(sine(hertz)))
    for name in ("low", "mid", "high"):
        expected = 0.5 / np.sqrt(2) if name == band else 0
        assert np.allclose(middle(heard, name), expected, atol=2e-3), name


def test_bands_add_up_to_rms():
    heard = analyse(Sound(white(0.1, 5)))
    bands = sum(np.square(heard[name].astype(float)) for name in ("low", "mid", "high")).mean()
    assert bands == pytest.approx(np.square(heard["rms"].astype(float)).mean(), rel=0.02)


def test_silence():
    heard = analyse(Sound(np.zeros((2, 44100))))
    for name in ("rms", "centroid", "flatness", "onset", "low", "mid", "high"):
        assert not heard[name].any(), name
    assert np.ptp(heard["mfcc"], axis=0).max() == 0 and np.allclose(heard["mfcc"][:, 1:], 0, atol=1e-3)


def test_mfcc_tells_level_from_colour():
    quiet, loud = (middle(analyse(Sound(white(amplitude))), "mfcc") for amplitude in (0.02, 0.2))
    assert np.allclose(loud[:, 0] - quiet[:, 0], 20 * np.sqrt(40), rtol=1e-2)  # 20 dB in every band
    assert np.abs(loud[:, 1:] - quiet[:, 1:]).max() < 1


def test_shapes_and_types():
    for samples in (1, 511, 512, 30_000):
        heard = analyse(Sound(np.full(samples, 0.1)))
        for name, values in heard.items():
            if name in ("hop", "rate"):
                assert values.shape == ()
            elif name in ("levels", "rises", "chroma"):
                assert values.dtype == np.float32 and np.isfinite(values).all()
                assert len(values) == np.ceil((samples // 512) * 512 / 1024 - 1e-9) + 1
            else:
                assert values.dtype == np.float32 and len(values) == samples // 512 + 1 and np.isfinite(values).all()
    assert heard["mfcc"].shape[1] == 13
    assert [window_size(rate) for rate in (8000, 22050, 44100, 48000, 96000)] == [512, 1024, 2048, 2048, 4096]


@pytest.mark.parametrize("rate,size,bands", [(44100, 2048, 40), (48000, 1024, 24)])
def test_mel_bank_agrees_with_librosa(rate, size, bands):
    librosa = pytest.importorskip("librosa")
    theirs = librosa.filters.mel(sr=rate, n_fft=size, n_mels=bands, fmin=20, fmax=16000, htk=True, norm=None)
    ours = np.zeros_like(theirs)
    for row, (first, weights) in zip(ours, mel_bank(rate, size, bands), strict=True):
        row[first : first + len(weights)] = weights
    assert np.allclose(ours, theirs, atol=1e-5)


# The same bits


def test_rows_at_a_time_change_nothing():
    samples = np.stack([clicks(120, seconds=3, attack=0.02)[0], sine(220, seconds=3)])
    whole = analyse(Sound(samples))
    for rows in (1, 7, 100, 100_000):
        for name, values in analyse(Sound(samples), rows).items():
            assert np.array_equal(values, whole[name]), (rows, name)


DIGEST = """
import hashlib, numpy as np
from test_hearing import Sound, clicks
from n2s.hearing.rows import analyse
heard = analyse(Sound(clicks(120, seconds=5, attack=0.02)[0]))
print(hashlib.sha256(b"".join(heard[name].tobytes() for name in sorted(heard))).hexdigest())
"""


def test_threads_change_nothing():
    here = os.path.dirname(__file__)
    said = set()
    for threads in "14":
        env = os.environ | {
            "OPENBLAS_NUM_THREADS": threads,
            "MKL_NUM_THREADS": threads,
            "OMP_NUM_THREADS": threads,
            "PYTHONPATH": os.pathsep.join([here, os.path.dirname(here)]),
        }
        said.add(subprocess.run([sys.executable, "-c", DIGEST], env=env, check=True, capture_output=True).stdout)
    assert len(said) == 1


def test_an_edit_stays_where_it_is():
    samples = clicks(120, seconds=10, attack=0.02)[0]
    edited = samples.copy()
    edited[4 * 44100 : 5 * 44100] *= 0.5
    one, other = analyse(Sound(samples)), analyse(Sound(edited))
    for name in ("rms", "centroid", "mfcc", "onset", "low"):
        a, b = (pool(heard[name], 512, 44100, Fraction(30), 300) for heard in (one, other))
        changed = np.flatnonzero((a != b).reshape(300, -1).any(axis=1))
        assert len(changed) and changed.min() >= 117 and changed.max() <= 153, name


def test_importing_is_quick():
    code = (
        "import sys; import n2s.nodes.features; print([m for m in ('librosa', 'scipy', 'numba') if m in sys.modules])"
    )
    env = os.environ | {"PYTHONPATH": os.path.dirname(os.path.dirname(__file__))}
    said = subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True).stdout
    assert said.strip() == b"[]"


# At film frames


@pytest.mark.parametrize("fps", [Fraction(1), *RATES, Fraction(25), Fraction(120), Fraction(240)])
def test_pool_is_the_integral_and_the_maximum(fps):
    hop, rate = 512, 44100
    values = np.random.default_rng(0).random((400, 3))
    frames = int(fps * 400 * hop / rate) + 2
    mean, most = (pool(values, hop, rate, fps, frames, how) for how in ("mean", "max"))
    assert mean.shape == most.shape == (frames, 3) and mean.dtype == np.float32
    fine = 4001
    for k in {0, 1, frames // 3, frames // 2, frames - 2, frames - 1}:
        centre = (2 * k * fps.denominator * rate + fps.numerator) // (2 * fps.numerator)
        half = rate / float(fps) / 2
        at = np.linspace(centre - half, centre + half, fine) / hop
        line = np.stack([np.interp(at, np.arange(400), column) for column in values.T], axis=1)
        assert np.allclose(mean[k], (line[:-1] + line[1:]).mean(axis=0) / 2, atol=1e-4)
        assert np.allclose(most[k], line.max(axis=0), atol=2e-2 if fps == 1 else 5e-3)
        assert (most[k] >= line.max(axis=0) - 1e-6).all()


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("rate", [44100, 48000])
def test_pool_does_not_drift_in_an_hour(fps, rate):
    hop, frames = 512, int(3600 * fps)
    rows = np.arange(3600 * rate // hop + 2)
    time = rows * hop / rate - 3599
    late = pool(np.maximum(time, -1), hop, rate, fps, frames)[-int(fps) + 2 : -2]
    expected = (np.arange(frames) / float(fps))[-int(fps) + 2 : -2] - 3599
    assert np.abs(late - expected).max() < 1 / rate


def test_pool_of_constants_and_one_row():
    for how in ("mean", "max"):
        assert np.allclose(pool(np.full(100, 0.3), 512, 44100, Fraction(30), 60, how), 0.3)
        assert pool(np.array([2.0]), 512, 44100, Fraction(24), 5, how).tolist() == [2.0] * 5
        assert pool(np.ones((4, 2)), 512, 44100, Fraction(24), 0, how).shape == (0, 2)
    with pytest.raises(ValueError, match="'mean' or 'max'"):
        pool(np.ones(4), 512, 44100, Fraction(24), 5, "median")


def test_normalise():
    values = np.stack([np.linspace(-5, 5, 101), np.full(101, 7.0), np.r_[np.zeros(100), 3.0]], axis=1)
    out = normalise(values)
    assert out.dtype == np.float32 and out.min() == 0 and out.max() == 1
    assert out[51, 0] == pytest.approx(0.5, abs=0.01) and out[2, 0] == 0 and 0.97 < out[98, 0] < out[100, 0] == 1
    assert not out[:, 1].any()
    assert out[100, 2] == 1 and not out[:100, 2].any()
    assert normalise(np.arange(5)).shape == (5,) and normalise(np.zeros((0, 2))).shape == (0, 2)


def test_the_grid_counts_beats_and_bars():
    grid = Grid(np.array([1.0, 1.5, 2.0]), np.array([0]), 4)
    times = np.arange(80) / 20
    count = grid.count(times)
    assert count[20] == 0 and count[30] == 1 and count[25] == 0.5
    assert count[0] == -2 and count[60] == 4 and (np.diff(count) > 0).all() and count.dtype == np.float64
    assert phase(count).min() >= 0 and phase(count).max() < 1 and np.allclose((count - phase(count)) % 1, 0)
    assert grid.bars(count)[20] == 0 and grid.bars(count)[60] == 1 and grid.bars(count)[0] == -0.5
    assert grid.starts(times)[25] == 0.5 and grid.starts(times)[60] == 0 and grid.starts(times)[0] == 2
    assert grid.tempo == 120 and (grid.tempo_at(times) == 120).all()
    assert phase(np.array([np.nextafter(1, 0), -1e-17])).max() < 1


def test_bars_of_several_lengths():
    """Beats 1 to 9, a half second apart, with bars that begin at beats 1, 5 and 7."""
    grid = Grid(np.arange(10) / 2, np.array([1, 5, 7]), 4)
    count = np.arange(-2, 12, dtype=float)
    bars = grid.bars(count)
    assert bars[count == 1] == 0 and bars[count == 5] == 1 and bars[count == 7] == 2 and bars[count == 11] == 3
    assert bars[count == 3] == 0.5 and bars[count == 6] == 1.5
    assert grid.starts(np.array([0.5, 1.0, 2.5, 3.0, 3.5, 5.5, 0.0])).tolist() == [0, 1, 0, 1, 0, 0, 3]


def test_even_beats_are_made_even_and_others_are_not():
    from n2s.hearing.beats import Beats

    rng = np.random.default_rng(0)
    even = 1 + np.arange(60) * 0.47
    found = even + rng.uniform(-0.01, 0.01, 60)
    grid = Grid.of(Beats(found, np.arange(0, 60, 4), 4, False, np.ones(60)))
    assert np.abs(grid.beats - even).max() < 0.004 and grid.tempo == pytest.approx(60 / 0.47, rel=1e-4)
    drifting = 1 + np.arange(60) * 0.47 + 0.1 * np.sin(np.arange(60) / 8)
    assert np.array_equal(Grid.of(Beats(drifting, np.arange(0, 60, 4), 4, False, np.ones(60))).beats, drifting)


# The net


def test_the_net_hears_the_same_at_once_and_in_pieces(monkeypatch):
    from n2s.hearing import net

    rng = np.random.default_rng(0)
    heard = {name: rng.random((3000, count), np.float32) for name, count in
             (("levels", 24), ("rises", 24), ("chroma", 12))}  # fmt: skip
    ears = net.Ears.load()
    whole = ears.listen(heard)
    monkeypatch.setattr(net, "AT_ONCE", 500)
    for name, likely in ears.listen(heard).items():
        assert np.array_equal(likely, whole[name]) and 0 <= likely.min() <= likely.max() <= 1, name


def test_the_net_against_plain_loops():
    """The first and the last rows of a net of few channels, by the definition of dilated convolutions."""
    from n2s.hearing import net

    rng = np.random.default_rng(1)
    weights = {"in": rng.normal(0, 0.2, (3, 60, 3)), "in bias": rng.normal(0, 0.1, 3), "out": rng.normal(0, 1, (5, 3)),
               "out bias": rng.normal(0, 1, 5)}  # fmt: skip
    for block in range(net.BLOCKS):
        weights |= {f"conv {block}": rng.normal(0, 0.3, (3, 3, 5)), f"conv {block} bias": rng.normal(0, 0.1, 3)}
        weights |= {f"mix {block}": rng.normal(0, 0.3, (3, 3)), f"mix {block} bias": rng.normal(0, 0.1, 3)}
    seen = rng.normal(0, 1, (40, 60))
    elu = lambda x: np.where(x > 0, x, np.exp(np.minimum(x, 0)) - 1)  # noqa: E731

    def convolved(rows, weight, bias, dilation):
        made, half = np.zeros((len(rows), len(weight))), weight.shape[2] // 2
        for row in range(len(rows)):
            for tap in range(weight.shape[2]):
                place = row + (tap - half) * dilation
                if 0 <= place < len(rows):
                    made[row] += weight[:, :, tap] @ rows[place]
        return made + bias

    found = elu(convolved(seen, weights["in"], weights["in bias"], 1))
    for block in range(net.BLOCKS):
        inner = elu(convolved(found, weights[f"conv {block}"], weights[f"conv {block} bias"], 2**block))
        found = found + inner @ weights[f"mix {block}"].T + weights[f"mix {block} bias"]
    wanted = elu(found) @ weights["out"].T + weights["out bias"]
    np.testing.assert_allclose(net.Net(weights).odds(seen.astype(np.float32)).T, wanted, rtol=1e-4, atol=1e-4)


# Harmony


def chord(*notes, seconds=1.0):
    t = np.arange(round(seconds * 44100)) / 44100
    return sum(0.1 * np.sin(2 * np.pi * 440 * 2 ** ((note - 69) / 12) * t) for note in notes)


def test_the_harmony_changes_where_chords_do():
    samples = np.concatenate([chord(60, 64, 67, seconds=2), chord(66, 70, 73, seconds=2), chord(66, 70, 73, seconds=2)])
    change = harmonic_change(analyse(Sound(samples))["chroma"])
    assert abs(np.argmax(change) * STEP - 2) < 0.06 and change.max() > 0.25
    assert change[round(3.5 / STEP) : round(5.4 / STEP)].max() < 0.05
    assert not harmonic_change(np.zeros((50, 12), np.float32)).any()


def test_what_is_struck_and_what_is_held():
    rng = np.random.default_rng(2)
    struck = np.zeros(44100 * 4)
    for place in range(11025, len(struck) - 4410, 22050):
        struck[place : place + 4410] += 0.5 * rng.standard_normal(4410) * np.exp(-np.arange(4410) / 400)
    shares = [
        struck_and_held(analyse(Sound(samples))["levels"], 2)[0]
        for samples in (struck, sine(440, seconds=4), np.zeros(44100))
    ]
    loud = analyse(Sound(struck))["levels"].sum(axis=1) > 0.5
    assert shares[0][loud].mean() > 0.8 and shares[1][8:-8].max() < 0.1 and not shares[2].any()


def test_a_bass_without_the_drums():
    """A bass drum ten times as loud leaves the bass, which is there in the middle, where it is."""
    rng = np.random.default_rng(3)
    held = sine(82, seconds=6, amplitude=0.1) * (np.abs(np.arange(6 * 44100) - 3 * 44100) < 44100)
    kicks = np.zeros(6 * 44100)
    for place in range(0, len(kicks) - 4410, 22050):
        kicks[place : place + 4410] += np.sin(np.arange(4410) * 0.008) * np.exp(-np.arange(4410) / 500)
    kicks += 1e-4 * rng.standard_normal(len(kicks))
    heard = hear(Sound(held + kicks))
    bass, middle = heard["bass"], slice(round(2.2 / STEP), round(3.8 / STEP))
    outside = np.r_[bass[20 : round(1.8 / STEP)], bass[round(4.2 / STEP) : -20]]
    assert bass[middle].mean() > 4 * outside.mean()


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_peaks_are_the_largest_samples_around(rate):
    samples = np.zeros((2, rate))
    samples[1, rate // 2] = -0.75
    heard = analyse(Sound(samples, rate))
    hop, near = int(heard["hop"]), np.flatnonzero(heard["peak"])
    assert heard["peak"].max() == 0.75 and np.abs(near * hop - rate // 2).max() <= hop
