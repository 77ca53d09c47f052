"""The norms of a decoder: they make its training stable, and `fold` takes them out of the one that is shipped."""

from __future__ import annotations

from torch import nn

from .models import Decoder, ResBlock


def blocks(decoder: Decoder) -> list[ResBlock]:
    return [module for module in decoder.modules() if isinstance(module, ResBlock)]


def is_folded(decoder: Decoder) -> bool:
    return not any(isinstance(module, nn.GroupNorm) for module in decoder.modules())


def remove_norms(decoder: Decoder) -> Decoder:
    """Return the decoder with its norms taken out, as `fold` leaves it; changes it in place."""
    for block in blocks(decoder):
        block.norm1 = block.norm2 = nn.Identity()
    return decoder
