"""Music and pictures that are read."""
