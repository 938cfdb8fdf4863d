"""`compress` and `decompress`: pictures as the few numbers that an autoencoder makes of them, in a file."""

FEWEST_BITS, MOST_BITS = 1, 16
"""of each number"""
