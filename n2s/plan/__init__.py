"""What is computed, from what, and under which key."""
