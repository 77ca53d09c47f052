"""Training of the latent model: data, β-VAE, export, quantisation. Meets n2s only in files."""

import os

# Beside other work, threads that spin while they wait for a preempted one cost ten times the work itself. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")
