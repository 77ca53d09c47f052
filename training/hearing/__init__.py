"""Training of the net that hears beats and bars."""
