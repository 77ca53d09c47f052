"""From a plan to frames."""
