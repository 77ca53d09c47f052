"""What is to be rendered: types, time, declarations, expressions, the graph, sub-graphs and checks."""
