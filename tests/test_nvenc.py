"""The encoder of NVIDIA GPUs: refused in words where it does not open, and a film like others where it does."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

import av
import pytest
from places import Place

from n2s.formats import nvenc
from n2s.graph.errors import RenderError
from n2s.runtime import machine
from n2s.runtime.ffmpeg import ffmpeg_path

# FFmpeg as it is, but that another encoder stands for the GPU's.
STAND_IN = """#!{python}
import os, sys
given, own = sys.argv[1:], {{"-preset", "-tune", "-rc", "-no-scenecut", "-forced-idr", "-cq"}}
if "h264_nvenc" in given:
    open({noted!r}, "a").write(" ".join(given) + chr(10))
    kept, skip = [], False
    for word in given:
        if skip or word in own:
            skip = not skip
        else:
            kept.append(word)
    given = ["libx264" if word == "h264_nvenc" else word for word in kept]
os.execv({ffmpeg!r}, [{ffmpeg!r}, *given])
"""
GPU = "#!/bin/sh\necho 'NVIDIA L4, {driver}'\n"


@pytest.fixture(autouse=True)
def unknown() -> Any:
    known = nvenc.gpu_and_driver, ffmpeg_path, machine.ffmpeg_version
    for function in known:
        function.cache_clear()
    yield
    for function in known:
        function.cache_clear()


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_where_it_does_not_open_the_film_is_refused_before_any_work(place: Place, n2s: Any, monkeypatch: Any) -> None:
    ffmpeg = script(
        place.folder / "bin/ffmpeg", "#!/bin/sh\necho '[h264_nvenc @ 0x1] Cannot load libcuda.so.1' >&2\nexit 1\n"
    )
    monkeypatch.setattr(nvenc, "ffmpeg_path", lambda: str(ffmpeg))
    place.edit("chunk: 15", "codec: h264_nvenc, chunk: 15")
    told = "The encoder of NVIDIA GPUs does not open here (Cannot load libcuda.so.1). Take codec: h264"
    status, _, err = n2s("run", place.graph, "--out", place.out)
    assert status == 2 and told in err and f"{place.graph.name}:" in err and "hearing" not in err
    status, _, err = n2s("check", place.graph)
    assert status == 0 and "warning: " in err and told in err
    monkeypatch.setattr(nvenc, "QUERY", ["there-is-no-such-program"])
    with pytest.raises(RenderError, match="does not open here"):
        nvenc.gpu_and_driver()


def test_where_it_opens_segments_join_and_keys_name_the_gpu(place: Place, tmp_path: Path, monkeypatch: Any) -> None:
    noted = tmp_path / "calls"
    values = {"python": sys.executable, "noted": str(noted), "ffmpeg": ffmpeg_path()}
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", str(script(tmp_path / "bin/ffmpeg", STAND_IN.format(**values))))
    ffmpeg_path.cache_clear()  # it was asked for above
    gpu = script(tmp_path / "bin/nvidia-smi", GPU.format(driver="570.1"))
    monkeypatch.setattr(nvenc, "QUERY", [str(gpu)])
    place.edit("crf: 20", "codec: h264_nvenc, crf: 20, gop: 0.25")
    assert place.run().rendered == 2
    with av.open(str(place.film)) as film:
        times = [frame.pts * frame.time_base for frame in film.decode(video=0)]
        assert len(times) == 30 and times[0] == 0 and all(a < b for a, b in zip(times, times[1:]))
    arguments = noted.read_text().splitlines()[-1]
    for words in ("-c:v h264_nvenc", "-cq 20 -b:v 0", "-bf 0", "-rc vbr", "-forced-idr 1", "-preset p2"):
        assert words in arguments
    assert place.run().rendered == 0
    script(gpu, GPU.format(driver="580.2"))
    nvenc.gpu_and_driver.cache_clear()
    assert place.run().rendered == 2
    recipes = [
        json.dumps(place.store.recipe("segments", entry.key))
        for entry in place.store.entries()
        if entry.kind == "segments"
    ]
    assert sum("NVIDIA L4, 570.1" in recipe for recipe in recipes) == 2 == sum("NVIDIA L4, 580.2" in r for r in recipes)
