"""The command `anomalies`: how usual pictures are to an autoencoder or a VAE, and how well that tells."""
