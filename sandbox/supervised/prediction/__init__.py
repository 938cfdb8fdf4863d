"""`predict`: what a classifier makes of pictures that nobody has labelled, and how far to trust it."""
