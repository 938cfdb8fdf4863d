"""Pictures to learn from: finding, checking, reading, splitting and augmenting them."""
