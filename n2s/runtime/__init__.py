"""How it is rendered: analysis, kernels, models, the store, executors, encoders, events, run records."""
