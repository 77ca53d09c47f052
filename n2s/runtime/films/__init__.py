"""From frames to films."""
