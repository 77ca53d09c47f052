"""Training of the latent model: data, β-VAE, export, quantisation. Meets n2s only in files."""
