"""Training of the latent model: data, β-VAE, export, quantisation. Meets n2s only in files."""

import os

# While other programs run, threads that wait in a loop for a suspended one cost ten times the work itself. These
# settings are read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "0")
