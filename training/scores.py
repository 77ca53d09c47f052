"""What a picture measures: numbers from its pixels, and what CLIP sees in it.

    measure(picture)                            entropy, sharpness, colourfulness; what tells noise and copies
    Clip("weights.pt").scores(pictures)         aesthetic, text, face; needs weights

Pictures are uint8 (h, w, 3), display-referred RGB. A number depends on its own picture alone.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .errors import TrainingError

# Threads that spin while they wait cost fifty times the work itself beside other programs. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
THUMB = 16  # edge of the thumbnail that finds copies
DETAIL = 64  # edge of the luma picture that confirms them
BLOCK = 8  # pixels; finer than this, variance counts as noise


@dataclass(frozen=True)
class Measures:
    """Numbers of one picture; Y is its luma, 0..255.

    Attributes
    ----------
    entropy : float
        -sum p log2 p over the 256 levels of Y, rounded; bits, 0 (flat) to 8 (every level as often).
    sharpness : float
        log10(1 + variance of the Laplacian of Y), with the four neighbours, without the border; 0 (flat) to 6.02 (a
        black and white chessboard of single pixels). White noise has about 5.
    colourfulness : float
        Hasler and Suesstrunk 2003: hypot(s(rg), s(yb)) + 0.3 hypot(m(rg), m(yb)), with rg = R - G,
        yb = (R + G) / 2 - B, s the standard deviation and m the mean; levels, 0 (grey) to about 300.
    richness : float
        The largest entropy of Y, R, G and B; bits, 0..8. Two colours of equal luma have none in Y, yet are a picture.
    contrast : float
        The largest standard deviation of R, G and B; levels, 0..127.5.
    structure : float
        Share of Y's variance that is left in the means of blocks of 8x8 pixels; 0..1. White noise keeps 1/64, a
        picture of things larger than some pixels nearly all.
    thumb : float32 (16, 16, 3)
        Means of 16x16 areas; levels.
    detail : float16 (64, 64)
        Means of Y over 64x64 areas, less the mean of 8x8 such areas around; levels.
    """

    entropy: float
    sharpness: float
    colourfulness: float
    richness: float
    contrast: float
    structure: float
    thumb: np.ndarray
    detail: np.ndarray


def measure(picture: np.ndarray) -> Measures:
    """Measure a picture, uint8 (h, w, 3)."""
    rgb = picture.astype(np.float32)
    luma = rgb @ LUMA
    entropies = [entropy(levels) for levels in (np.rint(luma).astype(np.uint8), *np.moveaxis(picture, 2, 0))]
    detail = areas(luma, DETAIL)
    coarse = areas(detail, DETAIL // 8).repeat(8, 0).repeat(8, 1)
    return Measures(
        entropy=entropies[0],
        sharpness=sharpness(luma),
        colourfulness=colourfulness(rgb),
        richness=max(entropies),
        contrast=float(rgb.std((0, 1), dtype=np.float64).max()),
        structure=structure(luma),
        thumb=areas(rgb, THUMB),
        detail=(detail - coarse).astype(np.float16),
    )


def entropy(levels: np.ndarray) -> float:
    """Shannon entropy of the histogram of 8-bit levels; bits, 0..8."""
    counts = np.bincount(levels.ravel(), minlength=256)
    shares = counts[counts > 0] / levels.size
    return float(-(shares * np.log2(shares)).sum()) + 0.0  # without the sign of a flat picture's zero


def sharpness(luma: np.ndarray) -> float:
    """log10(1 + variance of the Laplacian) of float32 (h, w), 0..255."""
    inner = luma[1:-1, 1:-1]
    if not inner.size:
        return 0.0
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * inner
    return float(np.log10(1 + laplacian.var(dtype=np.float64)))


def colourfulness(rgb: np.ndarray) -> float:
    """Hasler and Suesstrunk's colourfulness of float32 (h, w, 3), 0..255; see `Measures`."""
    red, green, blue = np.moveaxis(rgb, 2, 0)
    opponents = red - green, (red + green) / 2 - blue
    spread = np.hypot(*(x.std(dtype=np.float64) for x in opponents))
    return float(spread + 0.3 * np.hypot(*(x.mean(dtype=np.float64) for x in opponents)))


def structure(luma: np.ndarray) -> float:
    """Share of the variance of float32 (h, w) that the means of 8x8 blocks keep; 1 where there is no variance."""
    h, w = (edge // BLOCK for edge in luma.shape)
    whole = luma[: h * BLOCK, : w * BLOCK].astype(np.float64)
    if not whole.size or not whole.var():
        return 1.0
    return float(whole.reshape(h, BLOCK, w, BLOCK).mean((1, 3)).var() / whole.var())


def areas(values: np.ndarray, edge: int) -> np.ndarray:
    """Means over edge x edge areas of float32 (h, w) or (h, w, channels)."""
    for axis in (0, 1):
        starts = np.arange(edge) * values.shape[axis] // edge
        counts = np.maximum(np.diff(starts, append=values.shape[axis]), 1).astype(np.float32)
        sums = np.add.reduceat(values, starts, axis, dtype=np.float32)
        values = sums / counts.reshape([-1 if k == axis else 1 for k in range(values.ndim)])
    return values


# What CLIP is asked. A group's score is the sum of its sentences' shares in the softmax over all three groups.
ART = (
    "an abstract painting", "an abstract texture without a subject", "a gradient of colours", "a pattern of fine grain",
    "digital glitch art", "a macro photograph of an organic surface", "geometric shapes",
)  # fmt: skip
TEXT = ("a page of text", "a picture with letters and words", "a logo", "a watermark over a picture", "a poster")
FACE = ("a human face", "a portrait of a person", "a group of people", "a human body", "a pair of eyes")
BEAUTIFUL = ("a beautiful abstract artwork", "a masterful composition of colour and light")
UGLY = ("an ugly abstract artwork", "a dull picture of bad quality")


@dataclass(frozen=True)
class Scores:
    """What CLIP says of one picture.

    Attributes
    ----------
    aesthetic : float
        With an aesthetic head, what it says (LAION's heads: about 1 to 10). Without, the share, 0..1, that the
        sentences of `BEAUTIFUL` have in the softmax over them and those of `UGLY`: an order rather than a verdict.
    text, face : float
        Shares of `TEXT` (with logos and watermarks) and `FACE` among all sentences; 0..1.
    """

    aesthetic: float
    text: float
    face: float


class Clip:
    """A CLIP model of open_clip.

    Parameters
    ----------
    weights : str
        A checkpoint file for the architecture `model`; a folder with open_clip_config.json and weights; "hf-hub:…"; or
        the name of weights that open_clip can download for `model`, e.g. laion2b_s34b_b79k.
    model : str
        An architecture of open_clip. OpenAI's own weights want ViT-B-32-quickgelu in place of ViT-B-32.
    aesthetic : Path, optional
        A linear head on the normalised image embedding: .npz with weight and bias, or .pth with the state of a linear
        layer or of a plain stack of them (LAION's).
    """

    def __init__(self, weights: str, model: str = "ViT-B-32", aesthetic: Path | None = None):
        try:
            import torch

            from .compat import mend_torchvision

            mend_torchvision()
            import open_clip
        except ImportError as error:
            missing = error.name or error
            raise TrainingError(f"{missing} is missing: pip install -c constraints.txt -e '.[cpu,train]'.") from None
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        name, pretrained = _clip_source(open_clip, weights, model)
        try:
            self.model, self.prepare = open_clip.create_model_from_pretrained(name, pretrained, device=self.device)
            tokens = open_clip.get_tokenizer(name)
            self.model.eval()
            with torch.inference_mode():
                self.content = self._sentences(tokens, ART + TEXT + FACE)
                self.quality = self._sentences(tokens, BEAUTIFUL + UGLY)
        except Exception as error:  # foreign files and a network: the libraries raise nearly anything
            cause = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")[:200]
            raise TrainingError(
                f"no CLIP model could be loaded from {weights} as {model} ({cause}). Give a checkpoint of open_clip "
                "and its --clip-model, or leave --clip out."
            ) from None
        self.head = _head(aesthetic, self.content.shape[1]) if aesthetic else None

    def _sentences(self, tokens, sentences):
        return self.model.encode_text(tokens(list(sentences)).to(self.device), normalize=True).float()

    def scores(self, pictures: list[np.ndarray]) -> list[Scores]:
        """Score pictures, uint8 (h, w, 3)."""
        import torch
        from PIL import Image

        with torch.inference_mode():
            batch = torch.stack([self.prepare(Image.fromarray(picture)) for picture in pictures]).to(self.device)
            seen = self.model.encode_image(batch, normalize=True).float()
            scale = self.model.logit_scale.exp().float()
            content = (scale * seen @ self.content.T).softmax(1).cpu().double().numpy()
            quality = (scale * seen @ self.quality.T).softmax(1).cpu().double().numpy()
            seen = seen.cpu().double().numpy()
        text = content[:, len(ART) : len(ART) + len(TEXT)].sum(1)
        face = content[:, len(ART) + len(TEXT) :].sum(1)
        if self.head:
            for weight, bias in self.head:
                seen = seen @ weight.T + bias
            aesthetic = seen[:, 0]
        else:
            aesthetic = quality[:, : len(BEAUTIFUL)].sum(1)
        return [Scores(*(float(x) for x in numbers)) for numbers in zip(aesthetic, text, face, strict=True)]


def _clip_source(open_clip, weights: str, model: str) -> tuple[str, str | None]:
    """The name and the pretrained argument that open_clip knows some weights by."""
    path = Path(weights)
    if weights.startswith("hf-hub:"):
        return weights, None
    if path.is_dir():
        return f"local-dir:{weights}", None
    if open_clip.get_model_config(model) is None:
        raise TrainingError(f"open_clip knows no model {model!r}; --clip-model takes one of its names, e.g. ViT-B-32.")
    tags = open_clip.list_pretrained_tags_by_model(model)
    if not path.is_file() and weights not in tags:
        raise TrainingError(
            f"--clip {weights} is neither a file or folder nor the name of weights for {model} (names: "
            f"{', '.join(tags) or 'none'}). Download a checkpoint of open_clip, or leave --clip out."
        )
    return model, weights


def _head(path: Path, width: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The (weight, bias) pairs of an aesthetic head for embeddings of `width` numbers, one after another."""
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as file:
                state = {name: file[name] for name in file.files}
        else:
            import torch

            state = torch.load(path, map_location="cpu", weights_only=True)
            state = {name: value.double().numpy() for name, value in state.items()}
        names = [name.removesuffix("weight") for name in state if name.endswith("weight")]
        names.sort(key=lambda name: [int(part) for part in name.split(".") if part.isdigit()])
        layers = [(np.atleast_2d(state[f"{n}weight"]).astype(float), np.atleast_1d(state[f"{n}bias"])) for n in names]
    except FileNotFoundError:
        raise TrainingError(f"there is no file {path}; --aesthetic takes a linear head, or leave it out.") from None
    except Exception as error:  # damaged files raise nearly anything
        cause = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise TrainingError(f"{path} holds no linear layers with weight and bias ({cause}).") from None
    shapes = [weight.shape for weight, _ in layers]
    ends = [width, *(out for out, _ in shapes)]
    if not layers or [into for _, into in shapes] != ends[:-1] or ends[-1] != 1:
        raise TrainingError(
            f"{path} does not fit: layers of {shapes or 'none'}, but the CLIP model gives {width} numbers and one is "
            "wanted. Take the head that was trained for this model."
        )
    return layers
