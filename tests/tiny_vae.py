"""A β-VAE of a few channels, for tests that train or decode with torch."""

import torch

from training.models import VAE, Config

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
