"""Graphs and nodes in words, schemas and pictures."""
