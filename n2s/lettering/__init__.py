"""Letters: fonts, shaping, lines, outlines, and the pixels that they cover."""
