"""Which stages of a plan decode, so that their frames can be made apart from all others."""

from __future__ import annotations

from n2s.graph.types import LATENTS
from n2s.plan.stages import Plan, Stage, stages_up_to


def decoders(plan: Plan) -> set[str]:
    """Return the stages of a plan that make pictures out of the latents of the same frames alone.

    Their latents are made of no pictures, so that making them beside the chunk's own work costs little; and they make
    all that their nodes make.
    """
    return {stage.name for stage in plan.stages if _is_decoder(plan, stage)}


def _is_decoder(plan: Plan, stage: Stage) -> bool:
    node_type = type(plan.graph.nodes[stage.node])
    if not stage.is_computed or stage.makes != "frames" or len(node_type.outputs) != 1:
        return False
    reads = list(stage.reads.values())
    if [node_type.ports[port] for port in stage.reads] != [LATENTS]:
        return False
    if reads[0].before or reads[0].after or reads[0].picked:
        return False
    return all(other.makes == "latents" for other in stages_up_to(plan.stages, reads[0].stage))
