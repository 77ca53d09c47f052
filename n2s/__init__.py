"""noise-to-signal: turn music into film with graphs."""
