"""What is to be rendered: types, time, declarations, expressions, documents, checks, plan, keys and diagrams."""
