"""What is heard in music: rows of numbers, beats and bars, drums, sections, loudness; numpy alone."""
