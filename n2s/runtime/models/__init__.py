"""Models and their anchors."""
