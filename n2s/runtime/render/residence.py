"""Which kernels run on a GPU, and which frames stay there on their way from a decoder to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from n2s.plan.stages import Kernel, Plan, Stage
from n2s.runtime.models.decoder import SessionDecoder
from n2s.runtime.render.courses import Course
from n2s.runtime.render.kernels.cuda_device import Device


def gpus_of(plan: Plan, resources: Mapping[str, Any]) -> dict[Kernel, Device]:
    """Return the GPU of each kernel that runs on one: those after a decoder whose frames a GPU makes.

    The key of all that comes after such a decoder names its GPU.
    """
    reached: dict[str, Device] = {}  # by stage
    for stage in plan.stages:
        found = [reached[read.stage] for read in stage.reads.values() if read.stage in reached]
        if stage.is_computed and (device := _gpu_of(resources[stage.node])):
            found.append(device)
        if found:
            reached[stage.name] = found[0]
    return {cast(Kernel, stage.kernel): reached[stage.name] for stage in plan.stages
            if stage.kernel is not None and stage.name in reached}  # fmt: skip


def stages_on_gpu(
    plan: Plan, resources: Mapping[str, Any], gpus: Mapping[Kernel, Device], course: Course, called_again: set[str]
) -> set[str]:
    """Return the stages whose frames stay on a GPU: of decoders and kernels, read by kernels of their GPU alone."""
    if any(stage.is_picked for stage in plan.stages):
        return set()
    end, found = plan.stages[-1], set()
    for stage in plan.stages:
        readers = [(other, read) for other in plan.stages for read in other.reads.values() if read.stage == stage.name]
        decodes = stage.is_computed and _hands_on(type(plan.graph.nodes[stage.node]))
        decodes = decodes and _gpu_of(resources[stage.node]) is not None
        stays = (decodes or _draws(stage, gpus)) and stage.makes == "frames"
        stays = stays and stage is not end and not stage.keep
        stays = stays and stage.name not in course.held and stage.node not in called_again
        if (
            stays
            and readers
            and all(_draws(other, gpus) and not (read.before or read.after or read.picked) for other, read in readers)
        ):
            found.add(stage.name)
    return found


def _gpu_of(resource: Any) -> Device | None:
    """Return the GPU on which a node's decoder may leave frames, if it has one."""
    return resource.device if isinstance(resource, SessionDecoder) else None


def _hands_on(cls: type) -> bool:
    """Say whether a class's own ``compute`` gives what its decoder gives; one that inherits may do something else."""
    return next((vars(base).get("as_decoded", False) for base in cls.__mro__ if "compute" in vars(base)), False)


def _draws(stage: Stage, gpus: Mapping[Kernel, Device]) -> bool:
    """Say whether a stage is a kernel of a GPU that draws, whatever it reads."""
    return stage.kernel in gpus and (stage.makes == "codes" or bool(cast(Kernel, stage.kernel).nodes))
