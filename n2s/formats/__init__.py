"""Formats: how films are stored, joined and checked; one file per format, found by entry point."""
