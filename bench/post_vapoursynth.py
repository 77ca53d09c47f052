"""VapourSynth's side of `post.py`: run by an interpreter that has VapourSynth, it prints one line of JSON.

    python post_vapoursynth.py CORES FRAMES full|plain

Tone, vignette and grain are expressions (akarin.Expr where the plug-in is installed, else std.Expr), the way to 8-bit
BT.709 is zimg's. ``full`` weights the grain by luma, as n2s does, which takes an expression over the three planes
before the last one; ``plain`` adds the same grain everywhere, in one expression, and is less work than n2s does.

Either way VapourSynth is spared something: its grain is one uniform number per pixel, its rounding has no dither. And
std.Expr, which knows neither the place nor the number of a frame, gets a vignette and a grain that were drawn before,
and a tone that stands still. Everything is made, and the first frames are drawn, before the clock starts.
"""

import json
import sys
import time

import vapoursynth as vs

WIDTH, HEIGHT, POOL = 1920, 1080, 4

# Exposure's gain times contrast, and what contrast adds, both new in every frame.
GAIN, LIFT = "N 7 / sin 0.17 * 1 + N 11 / sin 0.2 * 1 + *", "N 11 / sin -0.08 *"
VIGNETTE = (
    "X 959.5 - dup * Y 539.5 - dup * + sqrt 1101.45 / 0.4 - 0.6 / 0 1 clamp ease! "
    "1 0.35 ease@ ease@ * 3 2 ease@ * - * * - vignette!"
)
GRAIN = "X 12.9898 * Y 78.233 * + N 37.719 * + sin 43758.5453 * hash! hash@ hash@ floor - 0.5 - 3.46 *"

core = vs.core
able = hasattr(core, "akarin")
expr = core.akarin.Expr if able else core.std.Expr


def blank(kind, color):
    return core.std.BlankClip(width=WIDTH, height=HEIGHT, format=kind, length=1, color=color, keep=True, fpsnum=30)


def pool(clips, length):
    """A few frames that stay in memory, over and over."""
    return core.std.Loop(core.std.Splice(clips), -(-length // len(clips)))[:length]


def source(length):
    """The pictures: float32 RGB, four of them."""
    return pool([blank(vs.RGBS, [0.3 + 0.1 * i, 0.5, 0.6 - 0.1 * i]) for i in range(POOL)], length)


def colour(grey):
    """A grey clip as the three planes of a colour clip; nothing is copied."""
    return core.std.ShufflePlanes([grey] * 3, [0, 0, 0], vs.RGB)


def with_places(clip, full):
    """Tone, vignette and grain by akarin.Expr."""
    clip = core.akarin.PropExpr(clip, lambda: {"gain": GAIN, "lift": LIFT})
    tone = "x x.gain * x.lift +"
    if not full:
        return expr(clip, f"{VIGNETTE} {tone} vignette@ * {GRAIN} 0.04 * +")
    luma = " ".join(f"{plane} x.gain * x.lift + {weight} *" for plane, weight in zip("xyz", (0.2126, 0.7152, 0.0722)))
    grain = f"{VIGNETTE} {luma} + + vignette@ * 0 1 clamp luma! {GRAIN} 0.16 * luma@ 1 luma@ - * *"
    return expr([clip, colour(expr(core.std.SplitPlanes(clip), grain))], f"{VIGNETTE} {tone} vignette@ * y +")


def without_places(clip, full):
    """Tone, vignette and grain by std.Expr."""
    vignette = pool([blank(vs.GRAYS, [0.9])], clip.num_frames)
    grain = pool([blank(vs.GRAYS, [0.01 * i]) for i in range(POOL)], clip.num_frames)
    if full:
        luma = "x 0.2126 * y 0.7152 * z 0.0722 * + + 1.1 * 0.04 - a * 0 max 1 min"
        grain = expr([*core.std.SplitPlanes(clip), vignette, grain], f"{luma} dup 1 swap - * b 4 * *")
    return expr([clip, colour(vignette), colour(grain)], "x 1.1 * 0.04 - y * z +")


def seconds(clip):
    """Return the seconds (wall clock, processor) for all frames of a clip but the first four."""
    for i, _ in enumerate(clip.frames(close=True)):
        if i == 3:
            began = time.perf_counter(), time.process_time()
    return time.perf_counter() - began[0], time.process_time() - began[1]


if __name__ == "__main__":
    core.num_threads, length, full = int(sys.argv[1]), int(sys.argv[2]) + 4, sys.argv[3] == "full"
    effects = with_places if able else without_places
    film = core.resize.Bilinear(
        effects(source(length), full), format=vs.YUV420P8, matrix=1, range=0, chromaloc=0, dither_type="none"
    )
    without, whole = seconds(source(length)), seconds(film)
    spent = [b - a for a, b in zip(without, whole)]
    print(json.dumps({"seconds": spent, "expr": "akarin.Expr" if able else "std.Expr"}))
