"""The bases of nodes: one for each kind of idea, of which an author writes only the idea."""
