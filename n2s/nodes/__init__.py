"""The library's own nodes; their classes register through the entry point group ``n2s.nodes``."""

from n2s.nodes.album import Album, Track
from n2s.nodes.audio import AudioSource
from n2s.nodes.decode import VAEDecode
from n2s.nodes.features import Features
from n2s.nodes.grain import Grain
from n2s.nodes.latents import Anchors, LatentEMA
from n2s.nodes.lut import Lut
from n2s.nodes.mix import Mix
from n2s.nodes.motion import Wander
from n2s.nodes.palette import Palette
from n2s.nodes.signals import EMA, Constant, Keyframes, Weights
from n2s.nodes.sinks import DigestSink, FFmpegSink, PNGSink
from n2s.nodes.sources import ImageSource
from n2s.nodes.tone import Tone, Vignette

__all__ = [
    "EMA",
    "Album",
    "Anchors",
    "AudioSource",
    "Constant",
    "DigestSink",
    "FFmpegSink",
    "Features",
    "Grain",
    "ImageSource",
    "Keyframes",
    "LatentEMA",
    "Lut",
    "Mix",
    "PNGSink",
    "Palette",
    "Tone",
    "Track",
    "VAEDecode",
    "Vignette",
    "Wander",
    "Weights",
]
