"""The compositions of each style: functions (plane, rng, palette) -> linear light (h, w, 3)."""
