"""A β-VAE of a few channels, for tests that train or decode with torch."""

import pytest
import torch

from training import dataset, procedural
from training.models import SCALE, VAE, Config

# What torch and what stands on it warn of, and no test here means.
QUIET = [
    pytest.mark.filterwarnings(f"ignore::{kind}") for kind in ("FutureWarning", "DeprecationWarning", "UserWarning")
]

TINY = Config(decoder=(32, 16, 16, 16), encoder=(32, 16, 16, 16), blocks=1)


def lively(seed=0):
    """A tiny model whose branches and norms all do something."""
    torch.manual_seed(seed)
    model = VAE(TINY).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.GroupNorm):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.3)
    return model


def large_pictures(folder, count, size, multiple=SCALE):
    """Draw pictures for training for size, of two styles, and load them."""
    procedural.generate(folder, ["abstract", "organic"], count, 5, size, say=lambda text: None)
    return dataset.load([folder], multiple)
