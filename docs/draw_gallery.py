"""Draw docs/gallery.md: a contact sheet and a strip for each look, a picture for each node that makes pictures.

python docs/draw_gallery.py                # all of it
python docs/draw_gallery.py liquid Bloom   # the pictures of these alone, and the page
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np

from n2s.graph.declare import Node
from n2s.graph.describe.descriptions import by_subject, own
from n2s.graph.describe.looks import describe_look, films
from n2s.graph.describe.words import shown, summary
from n2s.graph.graph import Graph
from n2s.graph.registry import node_types
from n2s.graph.types import AUDIO, FRAMES, LATENTS, MATTE, SIGNAL
from n2s.runtime.media.png import write_picture
from n2s.runtime.seeing.contact import GAP, PAPER, to_pixels
from n2s.runtime.seeing.views import View
from n2s.runtime.session import Session

DOCS = Path(__file__).resolve().parent
PAGE, FOLDER, AUDIO_FILES = DOCS / "gallery.md", DOCS / "images" / "gallery", DOCS.parent / "audio"
MUSIC = {"fields": "moss.ogg", "aurora": "tide.mp3", "ink": "moss.ogg", "tunnel": "tide.mp3", "glitch": "tide.mp3"}
WIDE = {"sheet": 1200, "strip": 1400, "node": 800}  # pixels of the pictures
SIZE, FPS, MOMENT = [384, 216], 30, 90
OVER_TIME = [MOMENT + 5 * i for i in range(4)]  # the frames of nodes that are seen in motion only
MOVING = {"echo", "pick"}  # kinds of node
AS_MOVING = {"Loop"}  # nodes that are seen in motion only, whatever their kind

# What stands around the node in question, and the settings with which it is shown where its defaults show little.
AROUND: dict[str, dict[str, Any]] = {
    "track": {"node": "AudioSource", "path": str(AUDIO_FILES / "ember.flac")},
    "features": {"node": "Features", "audio": "track"},
    "here": {"node": "LatentPath", "names": ["monolith", "neon"], "place": 0},
    "there": {"node": "LatentPath", "names": ["monolith", "neon"], "place": 1},
    "still": {"node": "VAEDecode", "latents": "here"},
    "film": {"node": "VAEDecode", "latents": "here"},
    "other": {"node": "VAEDecode", "latents": "there"},
    "circle": {"node": "RadialMatte", "radius": 0.3},
}
SWAYING = {"node": "Camera", "frames": "still", "pan_x": "= 0.3 * sin(5 * time)", "zoom": 1.3}
SHOWN: dict[str, dict[str, Any]] = {
    "Anchors": {"names": ["ember", "moss"], "weights": "pair"},
    "Bloom": {"amount": 2, "halation": 1},
    "Blur": {"radius": 0.03},
    "Border": {"aspect": 1.2, "margin": 0.03, "radius": 0.08},
    "CRT": {"lines": 50, "triad": 0.016},
    "Camera": {"zoom": 1.5, "turn": 20},
    "ChromaShift": {"radial": 0.06},
    "CombineMattes": {"a": "circle", "b": "clouds"},
    "Credits": {"credits": [["Music", "Ada Vale"], ["Pictures", "n2s"]], "at": 2, "length": 3, "style": "cards"},
    "Curves": {"points": [[0, 0.1], [0.3, 0.12], [0.6, 0.9], [1, 1]]},
    "Displace": {"move_x": 0.2},
    "Dust": {"specks": 60, "hairs": 6, "scratches": 2},
    "Fade": {"amount": 0.6, "colour": "#3a0d20"},
    "Flow": {"amount": 0.08},
    "Freeze": {"hold": "= time > 3.1"},
    "Glitch": {"amount": 0.5, "reach": 0.2},
    "Glow": {"amount": 1.5, "x": -0.4},
    "Grain": {"amount": 0.15, "size": 0.006, "colour": 0.6},
    "Guard": {},
    "Hue": {"turn": 120},
    "ImageSource": {"path": "picture.png", "fit": "contain", "height": 0.5, "x": 1, "y": 1, "margin": 0.05},
    "InvertMatte": {"matte": "circle"},
    "Kaleidoscope": {"pan_x": 0.2, "turn": 40},
    "LatentBands": {"amount": 1},
    "LatentCamera": {"zoom": 1.6, "turn": 15, "shift_x": 0.2},
    "LatentEMA": {},
    "LatentEcho": {"zoom": 1.15, "decay": 0.8},
    "LatentMask": {"mask": "radial", "amount": 0.5},
    "LatentPath": {"names": ["ember", "moss", "tide"], "place": 0.5},
    "LatentWarp": {"amount": 3},
    "LiftGammaGain": {"lift": 0.12, "gamma": 1.5},
    "LinearMatte": {"angle": 20},
    "Loop": {"start": "1 s", "length": "2.6 s", "blend": "0.6 s"},
    "Lut": {"path": "look.cube"},
    "Lyrics": {"path": "song.lrc"},
    "Mirror": {"angle": 180},
    "Mix": {"mode": "difference", "amount": 1},
    "Over": {"front": "other", "matte": "circle"},
    "Palette": {},
    "Polar": {},
    "Posterise": {"levels": 4},
    "Retime": {"delay": 0.5},
    "Ripple": {"amplitude": 0.02},
    "Sharpen": {"amount": 3},
    "Solid": {"colour": "#28406e"},
    "Strobe": {"every": "0.5 s", "length": 0.4},
    "Stutter": {"on": "= time > 2.9", "every": "0.2 s"},
    "Swirl": {"angle": 160},
    "Switch": {"index": "= time > 3.2"},
    "Tile": {"columns": 3, "rows": 3},
    "Title": {"text": "First Light", "at": 2, "length": 4},
    "TitleMatte": {"text": "First Light", "at": 2, "length": 4, "size": 0.25},
    "Tone": {"exposure": 0.6, "contrast": 1.4, "saturation": 1.3},
    "Trails": {"length": 0.5, "copies": 12},
    "VAEDecode": {},
    "VideoSource": {"path": "clip.mp4", "fit": "contain", "height": 0.6},
    "Wander": {"amount": 1.2},
    "Warp": {"zoom": 1.15, "waves": 14},
}  # fmt: skip
BESIDE: dict[str, dict[str, Any]] = {
    "clouds": {"node": "NoiseMatte"},
    "pair": {"node": "Sequence", "values": [[0.5, 0.5]], "every": 60},
}
LYRICS = "[00:02.50]<00:02.50>a <00:02.80>light <00:03.40>that <00:03.90>was <00:04.20>gone\n"


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    wanted = set(sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        for look in films():
            if not wanted or look in wanted:
                draw_look(look, Path(folder))
        make_files(Path(folder))
        for cls in picture_nodes():
            if not wanted or cls.__name__ in wanted:
                draw_node(cls, Path(folder))
    PAGE.write_text(page(), encoding="utf-8")


def picture_nodes() -> list[type[Node]]:
    """Return the node types of this library that make pictures, mattes or latents."""
    kinds = {FRAMES, MATTE, LATENTS}
    return [cls for cls in own(node_types().values()) if kinds & {out.kind for out in cls.outputs.values()}]


def moves(cls: type[Node]) -> bool:
    """Say whether a node is shown at several moments."""
    return cls.kind in MOVING or cls.__name__ in AS_MOVING


def convert(made: Path, drawn: str, wide: int) -> None:
    """Write a picture as JPEG into the folder of the gallery."""
    ffmpeg = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-y", "-i", str(made)]
    subprocess.run([*ffmpeg, "-vf", f"scale={wide}:-2", "-q:v", "5", str(FOLDER / drawn)], check=True)


def draw_look(name: str, folder: Path) -> None:
    """Draw the contact sheet of a whole film, and what moves around its hardest kicks."""
    graph, picture = folder / f"{name}.yaml", folder / "picture.png"
    music = AUDIO_FILES / MUSIC.get(name, "ember.flac")
    graph.write_text(
        "n2s: 1\nseed: 4\nsize: [480, 270]\nnodes:\n"
        f"  track: {{node: AudioSource, path: {json.dumps(str(music))}}}\n"
        f"  look: {{node: Graph, look: {name}, audio: track}}\n"
        "  out: {node: FFmpegSink, frames: look, audio: track, path: film.mp4}\n"
    )
    for drawn, options in (("sheet", ["--sheet=12"]), ("strip", ["--strip"])):
        subprocess.run(["n2s", "preview", graph, *options, "-o", picture], check=True)
        convert(picture, f"{name}-{drawn}.jpg", WIDE[drawn])


def make_files(folder: Path) -> None:
    """Make the files that some nodes read: a picture, a look of a grading program, a video, a song's words."""
    values = {"n2s": 1, "size": SIZE, "fps": FPS, "duration": 2, "nodes": {
        "here": {"node": "LatentPath", "names": ["knot", "fan"], "place": 0},
        "drift": {"node": "Wander", "latents": "here", "amount": 0.8, "period": 2},
        "film": {"node": "VAEDecode", "latents": "drift"},
        "out": {"node": "FFmpegSink", "frames": "film", "path": "clip.mp4"},
    }}  # fmt: skip
    path = folder / "clip.yaml"
    path.write_text(json.dumps(values))
    subprocess.run(["n2s", "run", path, "--out", folder], check=True)
    with Session(Graph.load(path)) as session:
        write_picture(folder / "picture.png", to_pixels(session.frame("film", 20)))
    steps = np.linspace(0, 1, 9)
    rows = [f"{r * r:.4f} {0.1 + 0.8 * g:.4f} {b**0.7:.4f}" for b in steps for g in steps for r in steps]
    (folder / "look.cube").write_text("LUT_3D_SIZE 9\n" + "\n".join(rows) + "\n")
    (folder / "song.lrc").write_text(LYRICS)


def node_graph(cls: type[Node]) -> tuple[dict[str, Any], str]:
    """Return the graph in which a node is shown, and the name of the node of frames to look at."""
    given = {**cls.example, **SHOWN.get(cls.__name__, {})}
    spec: dict[str, Any] = {"node": cls.__name__}
    pictures, latents = iter(["film", "other"]), iter(["here", "there"])
    for port, kind in cls.ports.items():
        stand_in = {FRAMES: pictures, LATENTS: latents}.get(kind)
        value = (
            next(stand_in, None) if stand_in else {MATTE: "circle", AUDIO: "track", SIGNAL: "features.kick"}.get(kind)
        )
        if value and (cls.specs[port].required or (kind is FRAMES and value == "other")):
            spec[port] = value
    nodes = {**AROUND, **BESIDE, "subject": spec | given}
    if moves(cls):
        nodes["film"] = SWAYING
    end = "subject"
    if LATENTS in {out.kind for out in cls.outputs.values()}:
        nodes["decoded"] = {"node": "VAEDecode", "latents": "subject"}
        end = "decoded"
    return {"n2s": 1, "size": SIZE, "fps": FPS, "seed": 3, "nodes": nodes}, end


def draw_node(cls: type[Node], folder: Path) -> None:
    """Draw what goes into a node and what comes out, or four frames of what comes out where it works over time."""
    values, end = node_graph(cls)
    path = folder / "node.yaml"
    path.write_text(json.dumps(values))
    over_time = moves(cls)
    source = end == "subject" and FRAMES not in cls.ports.values()
    with Session(Graph.load(path)) as session:
        pictures = [to_pixels(frame) for block in View(session, end).blocks(OVER_TIME if over_time else [MOMENT])
                    for frame in block]  # fmt: skip
        if not over_time and not source:
            before = next(iter(View(session, "film").blocks([MOMENT])))[0]
            pictures.insert(0, to_pixels(before))
    tall, wide = pictures[0].shape[:2]
    row = np.full((tall, len(pictures) * (wide + GAP) - GAP, 3), PAPER, np.uint8)
    for i, picture in enumerate(pictures):
        row[:, i * (wide + GAP) : i * (wide + GAP) + wide] = picture
    write_picture(folder / "row.png", row)
    convert(folder / "row.png", f"{cls.__name__}.jpg", min(WIDE["node"] * len(pictures) // 2, row.shape[1]))
    print(cls.__name__, flush=True)


def page() -> str:
    """Return the text of the gallery."""
    lines = [
        "# Gallery", "",
        "Drawn by `python docs/draw_gallery.py`. A look makes a whole film in one line; [docs/nodes.md](nodes.md) has "
        "what each node takes.", "", "## Looks", "",
        "`n2s new song.mp3 --look NAME` makes a film of a song, `n2s looks NAME` explains a look, and "
        "`n2s looks --music song.mp3` draws what all of them make of it. Under each contact sheet of a film: frames "
        "around its hardest kicks, the frame of the kick marked.", "",
    ]  # fmt: skip
    for name in films():
        look = describe_look(name)
        presets = ", ".join(f"`{preset}`" for preset in look["presets"])
        lines += [f"### {name}", "", f"{look['title']}. Presets: {presets}.", ""]
        lines += [f"![Frames of a film with the look {name}](images/gallery/{name}-sheet.jpg)", ""]
        lines += [f"![Frames around kicks](images/gallery/{name}-strip.jpg)", ""]
    lines += ["## Nodes", "", "What goes in, and what comes out; of nodes that work over time, four frames of what "
              "comes out. [docs/signals.md](signals.md) has plots of signals.", ""]  # fmt: skip
    for subject, group in by_subject(picture_nodes()).items():
        lines += [f"### {subject}", "", "| | |", "|---|---|"]
        for cls in group:
            given = ", ".join(f"{key}: {shown(value)}" for key, value in SHOWN.get(cls.__name__, {}).items())
            yaml = f"`{{node: {cls.__name__}{', ' + given if given else ''}}}`"
            lines.append(f"| ![{cls.__name__}](images/gallery/{cls.__name__}.jpg) | {summary(cls)}<br>{yaml} |")
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


if __name__ == "__main__":
    main()
