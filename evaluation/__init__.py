"""How well the assistant understands: `make evaluate`, on lines kept away from training."""
