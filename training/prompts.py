"""The words that Stable Diffusion paints from: a prompts file such as `prompts.yaml`, and how it is checked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from . import manifest
from .errors import TrainingError

PROMPTS = Path(__file__).parent / "prompts.yaml"
MAX_PROMPTS_BYTES = 1_000_000

Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=400)]


class Style(BaseModel):
    """The words of one style; `negative` is added to that of all styles."""

    model_config = ConfigDict(extra="forbid")
    prompts: list[Words] = Field(min_length=1)
    negative: Words | None = None


class Prompts(BaseModel):
    """What a prompts file says; see the comments in `prompts.yaml`."""

    model_config = ConfigDict(extra="forbid")
    styles: dict[str, Style] = Field(min_length=1)
    negative: Words | None = None
    endings: list[Words] = []

    def words(self, style: str, seed: int, index: int) -> tuple[str, str]:
        """Return the prompt and the negative prompt of a picture.

        The prompts of a style take turns: each block of as many pictures as there are prompts uses every one once, in
        an order drawn from (seed, style, block). The ending is drawn from (seed, style, index).
        """
        prompts, number = self.styles[style].prompts, manifest.STYLES.index(style)
        block, place = divmod(index, len(prompts))
        prompt = prompts[np.random.default_rng([number, seed, block]).permutation(len(prompts))[place]]
        if self.endings:
            prompt += ", " + self.endings[np.random.default_rng([number, seed, index, 1]).integers(len(self.endings))]
        return prompt, ", ".join(filter(None, [self.negative, self.styles[style].negative]))


def read_prompts(path: Path) -> Prompts:
    """Read and check a prompts file.

    Raises
    ------
    TrainingError
        With file and line, when it is not plain YAML or not of the form of `Prompts`.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read(MAX_PROMPTS_BYTES + 1)
    except (OSError, UnicodeDecodeError) as error:
        what = getattr(error, "strerror", None) or "it is something else"
        raise TrainingError(f"{path} cannot be read as UTF-8 text: {what}.") from None
    if len(text) > MAX_PROMPTS_BYTES:
        raise TrainingError(f"{path} is longer than a prompts file should be (1 MB).")
    yaml = YAML(typ="safe", pure=True)
    try:
        root, values = yaml.compose(text), yaml.load(text)
    except YAMLError as error:
        mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise TrainingError(f"{path}, line {mark.line + 1 if mark else 1}: this is not plain YAML: {what}.") from None
    try:
        prompts = Prompts.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise TrainingError(f"{path}, line {_line(root, first['loc'])}: {place}: {first['msg']}.") from None
    for style in prompts.styles:
        if style not in manifest.STYLES:
            line = _line(root, ("styles", style))
            known = ", ".join(manifest.STYLES)
            raise TrainingError(f"{path}, line {line}: unknown style {style!r}; the styles are {known}.")
    return prompts


def _line(node, path) -> int:
    """The line, from 1, of the value at a path of keys and numbers, or of what is nearest around it."""
    line = node.start_mark.line + 1 if node else 1
    for part in path:
        if isinstance(node.value, list) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
            continue
        pairs = [pair for pair in node.value if isinstance(pair, tuple) and pair[0].value == part] if node.value else []
        if not pairs:
            break
        line, node = pairs[0][0].start_mark.line + 1, pairs[0][1]
    return line
