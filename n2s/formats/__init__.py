"""Formats: how films are stored, joined and looked at again; one file per format, found by entry point."""
