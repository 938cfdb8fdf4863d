"""`generate`: pictures that a model makes up, and the space of latents that they come from."""
