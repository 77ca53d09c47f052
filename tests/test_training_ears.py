"""The commands that train the net which hears beats: what they refuse, and that their files are whole."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from n2s.hearing.net import Ears  # noqa: E402
from training.errors import TrainingError, run_command  # noqa: E402
from training.hearing import train  # noqa: E402


def write_song(path: Path, seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    heard = {
        name: rng.uniform(0.1, 1, (1200, bands)).astype(np.float16)
        for name, bands in (("levels", 24), ("rises", 24), ("chroma", 12))
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, **heard, **{name: np.arange(1, 20) / 2 for name in train.TRUTHS.values()})


def states(count: int) -> list[dict[str, np.ndarray]]:
    """Return states of nets whose weights tell which of them they are."""
    torch.manual_seed(0)
    made = []
    for k in range(count):
        net = train.BeatNet()
        torch.nn.init.constant_(net.first.bias, k)
        made.append(net.weights())
    return made


def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, *words: object) -> str:
    """Run the training, which has to fail with one line; return the line."""
    monkeypatch.setattr("sys.argv", ["train", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        run_command(train.main)
    assert ended.value.code == 1
    return capsys.readouterr().err.strip()


def test_a_set_without_two_songs_is_refused_with_the_way_out(tmp_path, monkeypatch, capsys) -> None:
    out = tmp_path / "ears.npz"
    words = ["--data", tmp_path / "songs", "--out", out, "--minutes", 0.01]
    assert "holds no songs, and two at least are wanted. Make some with" in told(monkeypatch, capsys, *words)
    write_song(tmp_path / "songs/0-00000.npz")
    write_song(tmp_path / "songs/0-00001.tmp.npz")
    write_song(tmp_path / "songs/.0-00002.7.part.npz")
    assert "holds 1 song, and two" in told(monkeypatch, capsys, *words)
    (tmp_path / "songs/0-00001.npz").write_bytes(b"PK\3\4 cut short")
    assert "0-00001.npz cannot be read as a song" in told(monkeypatch, capsys, *words)
    assert not out.exists()


def test_what_it_trains_can_be_heard_with_and_gone_on_from(tmp_path, monkeypatch) -> None:
    for k in range(3):
        write_song(tmp_path / f"songs/0-{k:05}.npz", k)
    out = tmp_path / "new/ears.npz"
    words = ["train", "--data", tmp_path / "songs", "--out", out, "--minutes", 0.005, "--batch", 1]
    for more in ([], ["--start", out]):
        monkeypatch.setattr("sys.argv", [str(word) for word in [*words, *more]])
        train.main()
        Ears.load(out)
    assert [path.name for path in out.parent.iterdir()] == ["ears.npz"]


def test_a_start_is_the_last_state_also_of_more_than_ten(tmp_path) -> None:
    for count in (4, 11):
        train.save(tmp_path / "ears.npz", states(count))
        net = train.BeatNet()
        train.start(net, tmp_path / "ears.npz")
        assert net.first.bias.tolist() == [count - 1] * train.CHANNELS


@pytest.mark.parametrize("content", [None, b"PK\3\4 cut short", {}, {"0 in": np.zeros(3)}, {"in": np.zeros(3)}])
def test_what_is_no_net_is_no_start(tmp_path, content) -> None:
    path = tmp_path / "ears.npz"
    if isinstance(content, dict):
        np.savez(path, **content)
    elif content:
        path.write_bytes(content)
    with pytest.raises(TrainingError, match="holds no net to start from"):
        train.start(train.BeatNet(), path)


def test_a_net_is_written_whole_or_not_at_all(tmp_path, monkeypatch) -> None:
    path = tmp_path / "ears.npz"
    train.save(path, states(1))
    before, write = path.read_bytes(), np.savez

    def cut_short(target: Path, **arrays: np.ndarray) -> None:
        write(target, **arrays)
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", cut_short)
    with pytest.raises(KeyboardInterrupt):
        train.save(path, states(2))
    assert path.read_bytes() == before and [*tmp_path.iterdir()] == [path]


def test_a_sound_font_that_is_not_there_is_named(tmp_path, monkeypatch, capsys) -> None:
    # tinysoundfont plays fonts, which this does not come to.
    monkeypatch.setitem(sys.modules, "tinysoundfont", ModuleType("tinysoundfont"))
    from training.hearing import dataset

    monkeypatch.setattr("sys.argv", ["dataset", "--font", str(tmp_path / "none.sf2"), "--out", str(tmp_path / "songs")])
    with pytest.raises(SystemExit) as ended:
        run_command(dataset.main)
    assert ended.value.code == 1 and "There is no sound font" in capsys.readouterr().err
