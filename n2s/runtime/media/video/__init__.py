"""Videos: what frames a file has, and reading them."""
