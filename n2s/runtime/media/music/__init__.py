"""Files of music: what lies in them, whether they are whole, and how they are decoded; one file per container."""
