"""The library's own nodes; their classes register through the entry point group ``n2s.nodes``."""

from n2s.nodes.album import Album, Track
from n2s.nodes.audio import AudioSource
from n2s.nodes.bends import Barrel, Ripple, Swirl
from n2s.nodes.bloom import Bloom
from n2s.nodes.blur import Blur, Sharpen
from n2s.nodes.borders import Border
from n2s.nodes.camera import Camera
from n2s.nodes.camera_moves import CameraPath, Handheld
from n2s.nodes.clarity import Clarity
from n2s.nodes.control import Midi, Schedule, Table
from n2s.nodes.credits import Credits
from n2s.nodes.crt import CRT
from n2s.nodes.cycles import LFO, Random, Sequence
from n2s.nodes.decode import VAEDecode
from n2s.nodes.dither import Dither
from n2s.nodes.dynamics import Envelope, Integrate, Smooth, Spring
from n2s.nodes.exposure import Exposure
from n2s.nodes.fade import Fade
from n2s.nodes.features import Features
from n2s.nodes.film import Dust, Flicker
from n2s.nodes.flow import Flow
from n2s.nodes.glow import Glow, LightLeak
from n2s.nodes.grading import Curves, Duotone, Filmic, Hue, Invert, LiftGammaGain, Posterise
from n2s.nodes.grain import Grain
from n2s.nodes.guard import Guard
from n2s.nodes.halftone import Halftone
from n2s.nodes.latent_bands import LatentBands
from n2s.nodes.latent_camera import LatentCamera
from n2s.nodes.latent_echo import LatentEcho
from n2s.nodes.latent_mask import LatentMask
from n2s.nodes.latent_path import LatentPath
from n2s.nodes.latent_warp import LatentWarp
from n2s.nodes.latents import Anchors, LatentEMA
from n2s.nodes.lenses import Glitch, Warp
from n2s.nodes.loop import Loop
from n2s.nodes.lut import Lut
from n2s.nodes.lyrics import Lyrics
from n2s.nodes.mattes import CombineMattes, InvertMatte, LinearMatte, LumaMatte, NoiseMatte, RadialMatte
from n2s.nodes.measures import LightMeter
from n2s.nodes.mirrors import Kaleidoscope, Mirror, Tile
from n2s.nodes.mix import Mix, Over
from n2s.nodes.motion import Wander
from n2s.nodes.palette import Palette
from n2s.nodes.polar import EndlessZoom, Polar, Tunnel
from n2s.nodes.retime import Freeze, Retime, Stutter
from n2s.nodes.shapers import Crossfade, Delay, Gate, Normalise, Quantise, Relative, Remap, Select, Threshold
from n2s.nodes.shifts import ChromaShift, Displace
from n2s.nodes.signals import EMA, Constant, Keyframes, Value, Weights
from n2s.nodes.sinks import AnimationSink, DigestSink, EXRSink, FFmpegSink, PNGSink
from n2s.nodes.solid import Solid
from n2s.nodes.sources import ImageSource, VideoSource
from n2s.nodes.strobe import Strobe
from n2s.nodes.switch import Switch
from n2s.nodes.titles import Title, TitleMatte
from n2s.nodes.tone import Tone, Vignette
from n2s.nodes.tones import Harmony, Melody
from n2s.nodes.trails import Trails
from n2s.nodes.upscale import Upscale

__all__ = [
    "CRT",
    "EMA",
    "EXRSink",
    "LFO",
    "Album",
    "Anchors",
    "AnimationSink",
    "AudioSource",
    "Barrel",
    "Bloom",
    "Blur",
    "Border",
    "Camera",
    "CameraPath",
    "ChromaShift",
    "Clarity",
    "CombineMattes",
    "Constant",
    "Credits",
    "Crossfade",
    "Curves",
    "Delay",
    "DigestSink",
    "Displace",
    "Dither",
    "Duotone",
    "Dust",
    "EndlessZoom",
    "Envelope",
    "Exposure",
    "FFmpegSink",
    "Fade",
    "Features",
    "Filmic",
    "Flicker",
    "Flow",
    "Freeze",
    "Gate",
    "Glitch",
    "Glow",
    "Grain",
    "Guard",
    "Halftone",
    "Handheld",
    "Harmony",
    "Hue",
    "ImageSource",
    "Integrate",
    "Invert",
    "InvertMatte",
    "Kaleidoscope",
    "Keyframes",
    "LatentBands",
    "LatentCamera",
    "LatentEMA",
    "LatentEcho",
    "LatentMask",
    "LatentPath",
    "LatentWarp",
    "LiftGammaGain",
    "LightLeak",
    "LightMeter",
    "LinearMatte",
    "LumaMatte",
    "Loop",
    "Lut",
    "Lyrics",
    "Melody",
    "Midi",
    "Mirror",
    "Mix",
    "NoiseMatte",
    "Normalise",
    "Over",
    "PNGSink",
    "Palette",
    "Polar",
    "Posterise",
    "Quantise",
    "RadialMatte",
    "Random",
    "Relative",
    "Remap",
    "Retime",
    "Ripple",
    "Schedule",
    "Select",
    "Sequence",
    "Sharpen",
    "Smooth",
    "Spring",
    "Solid",
    "Strobe",
    "Stutter",
    "Swirl",
    "Switch",
    "Table",
    "Threshold",
    "Tile",
    "Title",
    "TitleMatte",
    "Tone",
    "Track",
    "Trails",
    "Tunnel",
    "Upscale",
    "VAEDecode",
    "Value",
    "VideoSource",
    "Vignette",
    "Wander",
    "Warp",
    "Weights",
]
