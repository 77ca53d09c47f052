"""FFmpeg's arguments for each codec: with one thread and nothing that depends on the processor, so that bytes do not.

A segment is encoded for itself and closed: nothing in it refers to what lies before or after, and segments of the same
settings join by copying.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, cast

from n2s.graph.codings import CODINGS, chroma_of, depth_of, has_alpha
from n2s.graph.format import Shape
from n2s.graph.profiles import most_bitrate

CHROMAS = {"4:2:0": "yuv420p", "4:2:2": "yuv422p", "4:4:4": "yuv444p"}
PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower")
SVT_PRESETS = (12, 11, 10, 9, 8, 6, 4, 3)  # of SVT-AV1, one for each of x264's
NVENC_PRESETS = (1, 1, 2, 3, 4, 5, 6, 7)  # of NVENC
VPX_SPEEDS = (5, 5, 4, 3, 2, 2, 1, 0)  # of libvpx
REORDERED = {"h264": 2, "h265": 2}  # by how many frames decoding may run ahead of showing; 0 for the others
TAGS = {"h265": "hvc1"}  # by which players know a codec, where it is not FFmpeg's usual one
PRORES_QUALITY = 9  # of prores_ks: smaller is better; about the rate that Apple states for the profile
OPUS_MOST = 256  # kbit/s of a channel: its encoder takes no more
MOST = 1.5  # the highest rate against the wanted one, over the length of the buffer
BUFFER = 2  # seconds at the wanted rate
BEGINNING = 0.4  # how full the buffer of a film with a highest rate is at the beginning of a segment


def layout_of(sink: Any) -> str:
    """Return the layout of the codes that a sink stores: "yuv420p"."""
    return CHROMAS[chroma_of(sink)]


def pixel_format(sink: Any) -> str:
    """Return FFmpeg's name of the codes that a sink stores."""
    layout = layout_of(sink).replace("yuv", "yuva") if has_alpha(sink) else layout_of(sink)
    return layout + ("10le" if depth_of(sink) == 10 else "")


def encoder(sink: Any, shape: Shape) -> list[str]:
    """Return the arguments that choose and set the encoder of a sink's pictures."""
    codec, speed = sink.codec, PRESETS.index(sink.preset)
    most = most_bitrate(sink, shape.size, shape.fps) if CODINGS[codec].capped else None
    start = f":vbv-init={BEGINNING}" if most else ""  # or each segment would begin with as much as the buffer holds
    usual = [*_quality(sink, most), *_groups(sink, shape.fps)] if CODINGS[codec].rates else []
    if codec == "h264":
        exact = ["-x264-params", f"stitchable=1:cpu-independent=1:open-gop=0{start}"]
        return ["-c:v", "libx264", "-preset", sink.preset, *usual, "-threads", "1", *exact]
    if codec == "h264_nvenc":
        # Frames are coded in their order, and only where a segment or a group begins does one stand for itself.
        exact = ["-profile:v", "high", "-rc", "vbr", "-bf", "0", "-no-scenecut", "1", "-forced-idr", "1"]
        return ["-c:v", "h264_nvenc", "-preset", f"p{NVENC_PRESETS[speed]}", "-tune", "hq", *usual, *exact]
    if codec == "h265":
        # x265 aborts where there is hardly one larger block; and its assembler writes beyond rows of 34 to 48 pixels of
        # 8 bits, where plain code makes the same bits.
        blocks = (":ctu=16" if min(shape.size) < 64 else "") + (":asm=0" if shape.size[0] < 64 else "")
        exact = ["-x265-params", f"pools=none:frame-threads=1:wpp=0:open-gop=0:info=0:log-level=error{start}{blocks}"]
        return ["-c:v", "libx265", "-preset", sink.preset, *usual, "-threads", "1", *exact]
    if codec == "av1":
        exact = ["-svtav1-params", "lp=1:tune=0"]
        return ["-c:v", "libsvtav1", "-preset", str(SVT_PRESETS[speed]), *usual, *exact]
    if codec == "vp9":
        slow = ["-deadline", "good", "-cpu-used", str(VPX_SPEEDS[speed]), "-row-mt", "0", "-threads", "1"]
        # Frames that are shown later cannot be told of in a matte, which is a stream of its own beside the pictures.
        alpha = ["-auto-alt-ref", "0"] if has_alpha(sink) else []
        return ["-c:v", "libvpx-vp9", *usual, *slow, *alpha]
    if codec in ("prores", "prores4444"):
        profile = "3" if codec == "prores" else "4"
        quality = ["-profile:v", profile, "-vendor", "apl0", "-qscale:v", str(PRORES_QUALITY)]
        alpha = ["-alpha_bits", "16"] if has_alpha(sink) else []
        return ["-c:v", "prores_ks", *quality, *alpha, "-threads", "1"]
    if codec == "dnxhr":
        return ["-c:v", "dnxhd", "-profile:v", "dnxhr_hqx", "-threads", "1"]
    return ["-c:v", "ffv1", "-level", "3", "-g", "1", "-slices", "16", "-slicecrc", "1", "-threads", "1"]


def _groups(sink: Any, fps: Fraction) -> list[str]:
    """Return the arguments that say how often a frame stands for itself, and how many are told from both sides."""
    gop = [] if sink.gop is None else ["-g", str(max(1, round(sink.gop * fps)))]
    return [*gop, *([] if sink.b_frames is None else ["-bf", str(sink.b_frames)])]


def _quality(sink: Any, most: int | None) -> list[str]:
    if sink.bitrate is None:
        name = "-cq" if sink.codec == "h264_nvenc" else "-crf"
        crf = [name, str(cast(Any, CODINGS[sink.codec].crf)[0] if sink.crf is None else sink.crf)]
        held = ["-maxrate", f"{most}k", "-bufsize", f"{most}k"] if most else []
        return [*crf, "-b:v", "0"] if sink.codec in ("vp9", "h264_nvenc") else [*crf, *held]
    rate = ["-b:v", f"{sink.bitrate}k"]
    if sink.codec == "av1":  # its encoder takes no other limits beside a rate
        return rate
    return [*rate, "-maxrate", f"{round(MOST * sink.bitrate)}k", "-bufsize", f"{BUFFER * sink.bitrate}k"]


def quality_words(sink: Any) -> str:
    """Return how large a film gets, in a few words: "crf 18, veryfast"; "" where nothing can be chosen."""
    made = CODINGS[sink.codec]
    if made.crf is None:
        return ""
    crf = made.crf[0] if sink.crf is None else sink.crf
    return f"{f'{sink.bitrate} kbit/s' if sink.bitrate else f'crf {crf}'}, {sink.preset}"


def sound_encoder(codec: str, bitrate: int, channels: int) -> list[str]:
    """Return the arguments that encode sound, and the kind of file that keeps it until it is joined."""
    if codec == "aac":
        return ["-c:a", "aac", "-b:a", f"{bitrate}k", "-threads", "1", "-f", "mp4"]
    if codec == "opus":
        # FFmpeg brings channels into the order in which Opus has them only where it is told that they are for speakers.
        speakers = ["-mapping_family", "1"] if channels > 2 else []
        rate = f"{min(bitrate, OPUS_MOST * channels)}k"
        return ["-c:a", "libopus", "-b:a", rate, "-vbr", "on", *speakers, "-threads", "1", "-f", "mp4"]
    if codec == "flac":
        return ["-c:a", "flac", "-sample_fmt", "s32", "-bits_per_raw_sample", "24", "-threads", "1",
                "-strict", "experimental", "-f", "mp4"]  # fmt: skip
    if codec == "alac":
        return ["-c:a", "alac", "-sample_fmt", "s32p", "-threads", "1", "-f", "mp4"]
    return ["-c:a", "pcm_s24le", "-f", "mov"]
