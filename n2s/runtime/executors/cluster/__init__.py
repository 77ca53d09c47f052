"""Rendering on a cluster of dask.distributed: who sends tasks, and what works in its workers."""
