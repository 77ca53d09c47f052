"""Hearing: sounds whose features are known by construction."""

import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from sounds import RATES, Sound, clicks, sine, white

from n2s.hearing.harmony import harmonic_change, struck_and_held
from n2s.hearing.net import HEARD
from n2s.hearing.pooling import normalise_peaks, pool
from n2s.hearing.rows import STEP, analyse
from n2s.hearing.song import hear
from n2s.hearing.spectrum import mel_bank, window_size
from n2s.hearing.strikes import attacks, impulses


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
            elif name in ("levels", "rises", "chroma", "tones"):
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
from sounds import Sound, clicks
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


def test_what_is_most_unlikely_is_heard_without_a_warning():
    """Clicks in silence: the odds against some drums are more than a float can hold."""
    samples = np.zeros(20 * 44100)
    samples[:: round(0.9 * 44100)] = 0.9
    with np.errstate(all="raise", under="ignore"):
        heard = hear(Sound(samples))
    assert min(heard[name].min() for name in HEARD) == 0 and 0.5 < heard["beat"].max() <= 1


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
