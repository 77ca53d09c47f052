"""What the installed torch can do: a repair of torchvision beside a CPU build of torch, and whether bfloat16 is fast.

Call `mend_torchvision` before importing lightning or lpips.
"""

import sys

_kept = []


def mend_torchvision():
    """Import torchvision; where its compiled part does not load, give torch the two schemas whose absence stops it.

    Nothing in this project calls these operators; torchvision only registers shape rules for them while it is imported.
    """
    import torch

    try:
        import torchvision  # noqa: F401
    except ImportError:
        return
    except RuntimeError as error:
        if "nms" not in str(error):
            raise
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _kept.append(library)  # the definitions live as long as this object
        for name in [n for n in sys.modules if n.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        import torchvision  # noqa: F401


def fast_bf16(device: str) -> bool:
    """Return whether a device multiplies in bfloat16; a CPU that emulates it is ten times slower than in float32."""
    import torch

    return device != "cpu" or torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
