"""How good generative models are: what `evaluate` says of them, `reconstruct`, and what `explain` needs."""
