"""`compress` and `decompress`: pictures as the few numbers that an autoencoder makes of them, in a file."""
