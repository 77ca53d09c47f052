"""Pictures from Stable Diffusion 1.5: a data set in the layout of `manifest.py`.

    python -m training.sd_generate --model FOLDER_OR_HUB_ID --out FOLDER --count 1000 --seed 1

`--count` pictures of each style, with the words of `prompts.yaml`. A picture's noise comes from (seed, style, index)
alone, on the CPU's generator, so neither the batch nor the device changes it; words, noise and settings are in the
picture's sidecar. Sidecar and picture are written first and the row last: interrupted at any moment, the same command
goes on with what is missing.

The safety checker is not loaded: it blackens abstract pictures that it takes for something else. `filter.py` with
CLIP weights looks for faces and text instead.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import math
import os
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np

from . import manifest
from .errors import KEPT, TrainingError, run_command
from .files import lock_folder
from .progress import Progress
from .prompts import PROMPTS, Prompts, read_prompts

# Threads that spin while they wait cost fifty times the work itself beside other programs. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")

HUB = "stable-diffusion-v1-5/stable-diffusion-v1-5"
SOURCE = "stable-diffusion"
LICENCE = "CreativeML Open RAIL-M (model outputs)"
PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
WAY_OUT = (
    f"Download the weights where there is a network (hf download {HUB} --local-dir sd15) and give that folder as "
    "--model, or make pictures without weights: python -m training.procedural --out FOLDER."
)


def noise_seed(seed: int, style: str, index: int) -> int:
    """The seed of a picture's noise: 63 bits of SHA-256 over (seed, style, index)."""
    return int.from_bytes(hashlib.sha256(f"{seed} {style} {index}".encode()).digest()[:8], "big") >> 1


def model_digest(folder: Path) -> str:
    """SHA-256 over names and bytes of the weights and settings in a model's folder; 16 hex digits."""
    sha = hashlib.sha256()
    paths = [folder / "model_index.json", *(p for part in PARTS for p in (folder / part).glob("*"))]
    for path in sorted(p for p in paths if p.is_file() and p.suffix in (".json", ".txt", ".safetensors")):
        with open(path, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        sha.update(f"{path.relative_to(folder).as_posix()} {digest}\n".encode())
    return sha.hexdigest()[:16]


class Painter:
    """Stable Diffusion, loaded once; DPM-Solver++ (2M, Karras steps).

    Attributes
    ----------
    about : dict
        What decides a picture beside its words and noise: part of every sidecar.
    """

    def __init__(
        self, model: str, device: str = "auto", precision: str = "auto", size: int = 512, steps: int = 30,
        cfg: float = 7.0,
    ):  # fmt: skip
        import torch

        if device.startswith("cuda") and not torch.cuda.is_available():
            raise TrainingError("torch sees no CUDA device here; take --device cpu, or auto.")
        self.device = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
        if precision == "auto":
            precision = "fp16" if self.device.startswith("cuda") else "fp32"
        self.size, self.steps, self.cfg = size, steps, cfg
        self.pipe = _load(model, torch.float16 if precision == "fp16" else torch.float32).to(self.device)
        self.pipe.set_progress_bar_config(disable=True)
        self.pipe.vae.enable_slicing()  # one picture after another: decoding needs more memory than the steps
        folder = Path(model)
        self.about = {
            "source": SOURCE,
            "model": folder.resolve().name if folder.is_dir() else model,
            "model_digest": model_digest(folder) if folder.is_dir() else "",
            "scheduler": type(self.pipe.scheduler).__name__ + " (karras)",
            "steps": steps,
            "cfg": cfg,
            "precision": precision,
            "width": size,
            "height": size,
            "licence": LICENCE,
        }

    def paint(self, words: list[tuple[str, str]], seeds: list[int]) -> np.ndarray:
        """Pictures for (prompt, negative prompt) pairs and noise seeds: uint8 (n, size, size, 3)."""
        import torch

        pictures = self.pipe(
            prompt=[prompt for prompt, _ in words], negative_prompt=[negative for _, negative in words],
            num_inference_steps=self.steps, guidance_scale=self.cfg, height=self.size, width=self.size,
            generator=[torch.Generator("cpu").manual_seed(seed) for seed in seeds], output_type="np",
        ).images  # fmt: skip
        if not np.isfinite(pictures).all():
            raise TrainingError(
                "the model gave values that are no numbers: fp16 is too coarse for it (take --precision fp32), or the "
                "weights are damaged."
            )
        return np.rint(np.clip(pictures, 0, 1) * 255).astype(np.uint8)


def _load(model: str, dtype):
    """The pipeline of a folder (never asking a network) or of a hub id."""
    folder = Path(model)
    if folder.is_file():
        raise TrainingError(f"{model} is a file; --model takes a folder with a model_index.json. {WAY_OUT}")
    if not folder.is_dir() and (model.count("/") != 1 or model.startswith((".", "/", "~"))):
        raise TrainingError(f"there is no folder {model}, and it is no hub id (owner/name). {WAY_OUT}")
    try:
        from .compat import mend_torchvision

        mend_torchvision()
        import diffusers
        import transformers
    except ImportError as error:
        missing = error.name or error
        raise TrainingError(f"{missing} is missing: pip install -c constraints.txt -e '.[cpu,train]'.") from None
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity_error()
        library.utils.logging.disable_progress_bar()
    halves = any(folder.glob("unet/*.fp16.safetensors"))  # a folder may have the weights in fp16 alone
    whole = (folder / "unet" / "diffusion_pytorch_model.safetensors").exists()
    try:
        pipe = diffusers.StableDiffusionPipeline.from_pretrained(
            model, dtype=dtype, local_files_only=folder.is_dir(), use_safetensors=True,
            variant="fp16" if halves and not whole else None,
            safety_checker=None, feature_extractor=None, requires_safety_checker=False,
        )  # fmt: skip
        config = pipe.scheduler.config
        pipe.scheduler = diffusers.DPMSolverMultistepScheduler.from_config(config, use_karras_sigmas=True)
    except Exception as error:  # foreign files and a network: the libraries raise nearly anything
        if isinstance(error, OSError) and error.errno:  # a full disk, no permission: said by whoever called
            raise
        cause = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")
        cause = cause if len(cause) < 200 else cause[:200] + " …"
        raise TrainingError(f"no Stable Diffusion 1.5 could be loaded from {model} ({cause}). {WAY_OUT}") from None
    return pipe


def _sidecar(folder: Path, file: str) -> dict:
    """What the sidecar of a picture says; {} where there is none or it is damaged."""
    try:
        about = json.loads((folder / file.rsplit(".", 1)[0]).with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}


def check_folder(folder: Path, about: dict, seed: int) -> list[manifest.Row]:
    """Return the rows of a folder that these pictures may join; none where it is new.

    Raises
    ------
    TrainingError
        When the folder has pictures of another origin, or of other settings or another seed.
    """
    rows = manifest.read(folder) if (folder / manifest.NAME).exists() else []
    other = [row.file for row in rows if row.source != SOURCE]
    named = {row.file for row in rows}
    stray = [p.relative_to(folder).as_posix() for p in sorted(folder.glob("*/*.png")) if not p.name.startswith(".")]
    other += [file for file in stray if file not in named and _sidecar(folder, file).get("source") != SOURCE]
    if other:
        raise TrainingError(
            f"{folder} has pictures that Stable Diffusion did not make ({other[0]}), and file names would clash. Take "
            "another folder for --out; each is filtered by itself, and training takes several with --data."
        )
    for row in rows:
        made = _sidecar(folder, row.file) | {"seed": row.seed}
        if len(made) == 1:
            continue
        for key, wanted in {**about, "seed": seed}.items():
            if key == "model" and about["model_digest"]:
                continue  # a folder may be renamed; its digest counts
            if made.get(key) != wanted:
                raise TrainingError(
                    f"{folder} was made with {key} {made.get(key)!r}, now {wanted!r} is asked for. Give the same "
                    "settings to go on, or take another folder for --out."
                )
    return rows


def is_whole(folder: Path, row: manifest.Row) -> bool:
    """Whether a row's picture is on disk as it was written, with its sidecar."""
    try:
        digest = hashlib.sha256((folder / row.file).read_bytes()).hexdigest()
    except OSError:
        return False
    return digest == row.sha256 and bool(_sidecar(folder, row.file))


def generate(
    painter: Painter, prompts: Prompts, folder: Path, styles: list[str], count: int, seed: int, batch: int = 8,
    say: Callable[[str], None] = print,
) -> int:  # fmt: skip
    """Make what is missing of `count` pictures of each style; return how many were made.

    Where the GPU's memory is too small for a batch, the batch is halved; the pictures stay the same.
    """
    import torch

    rows = {(row.style, row.index): row for row in check_folder(folder, painter.about, seed)}
    wanted = [(style, index) for style in styles for index in range(count)]
    jobs = [key for key in wanted if key not in rows or not is_whole(folder, rows[key])]
    if len(jobs) < len(wanted):
        say(f"{len(wanted) - len(jobs)} of {len(wanted)} pictures are there already")
    versions = {name: version(name) for name in ("torch", "diffusers", "transformers")}
    made = 0
    with Progress("painting", len(jobs)) as progress:
        while made < len(jobs):
            some = jobs[made : made + batch]
            words = [prompts.words(style, seed, index) for style, index in some]
            seeds = [noise_seed(seed, style, index) for style, index in some]
            try:
                pictures = painter.paint(words, seeds)
            except torch.OutOfMemoryError:
                if batch == 1:
                    raise TrainingError(
                        "the GPU's memory is too small even for one picture; take a smaller --size, or --device cpu."
                    ) from None
                batch //= 2
                torch.cuda.empty_cache()
                say(f"the GPU's memory is too small; going on with --batch {batch}")
                continue
            for (style, index), (prompt, negative), noise, picture in zip(some, words, seeds, pictures, strict=True):
                about = {"style": style, "index": index, "seed": seed, "noise_seed": noise}
                about |= {"prompt": prompt, "negative_prompt": negative}
                about |= painter.about | {"device": painter.device, "versions": versions}
                rows[style, index] = _write(folder, picture, about)
            manifest.write(folder, rows.values())
            made += len(some)
            progress.step(len(some))
    return made


def _write(folder: Path, picture: np.ndarray, about: dict) -> manifest.Row:
    """Write a picture's sidecar, then the picture; return its row."""
    from PIL import Image

    data = io.BytesIO()
    Image.fromarray(picture).save(data, "PNG")
    row = manifest.Row(
        file=manifest.file_name(about["style"], about["index"]),
        style=about["style"],
        index=about["index"],
        seed=about["seed"],
        source=SOURCE,
        width=picture.shape[1],
        height=picture.shape[0],
        licence=LICENCE,
        sha256=hashlib.sha256(data.getvalue()).hexdigest(),
    )
    manifest.write_sidecar(folder, row, about)
    manifest.publish(folder / row.file, data.getvalue())
    return row


def _at_least(low: float, kind: type = int, step: int = 1):
    """A parser of numbers of at least `low`; of whole numbers, multiples of `step`."""

    def number(text: str):
        value = kind(text)
        if not math.isfinite(value) or value < low or kind is int and value % step:
            multiple = f", a multiple of {step}" if step > 1 else ""
            raise argparse.ArgumentTypeError(f"a number of at least {low}{multiple} is wanted")
        return value

    return number


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.sd_generate", description="Make a data set with Stable Diffusion 1.5."
    )
    option = parser.add_argument
    option("--model", default=HUB, help="a folder in diffusers' layout, or a hub id (default: %(default)s)")
    option("--out", type=Path, required=True, metavar="FOLDER", help="the data set; goes on where it stopped")
    option("--count", type=_at_least(1), default=1000, help="pictures of each style (default: %(default)s)")
    option("--seed", type=_at_least(0), default=1, help="of the noise and the choice of words (default: %(default)s)")
    option("--styles", nargs="+", choices=manifest.STYLES, help="default: all that the prompts file has")
    option("--prompts", type=Path, default=PROMPTS, metavar="FILE", help="default: training/prompts.yaml")
    option("--steps", type=_at_least(1), default=30, help="denoising steps (default: %(default)s)")
    option("--cfg", type=_at_least(0, float), default=7.0,
           help="guidance; at 1 and less the negative words do nothing (default: %(default)s)")  # fmt: skip
    option("--batch", type=_at_least(1), default=8, help="pictures at a time (default: %(default)s)")
    option(
        "--size", type=_at_least(64, step=8), default=512, help="edge, a multiple of 8 pixels (default: %(default)s)"
    )
    option("--device", default="auto", help="auto, cpu, cuda, cuda:1 … (default: %(default)s)")
    option("--precision", choices=("auto", "fp16", "fp32"), default="auto", help="auto: fp16 on CUDA, else fp32")
    args = parser.parse_args(arguments)
    prompts = read_prompts(args.prompts)
    styles = list(dict.fromkeys(args.styles or prompts.styles))
    lacking = [style for style in styles if style not in prompts.styles]
    if lacking:
        has = ", ".join(prompts.styles)
        raise TrainingError(f"{args.prompts} has no prompts for {', '.join(lacking)}; it has {has}.")
    if args.out.exists() and not args.out.is_dir():
        raise TrainingError(f"{args.out} is a file; --out takes a folder.")
    painter = Painter(args.model, args.device, args.precision, args.size, args.steps, args.cfg)
    with lock_folder(args.out):
        made = generate(painter, prompts, args.out, styles, args.count, args.seed, args.batch)
    print(f"{made} pictures made in {args.out}. Next: python -m training.filter {args.out}")


if __name__ == "__main__":
    run_command(main, KEPT)
