"""What `bench generative` trains, and what it is to reach. Nothing heavy at import."""

from __future__ import annotations

PARTS = ("autoencoder", "one-class", "vae", "others", "speed")
MINUTES = 5.0
"""of training each"""
ONE_CLASS = 0.2
"""of those minutes: what a model of one class has"""

MSE_GOALS = {2: 0.036, 8: 0.0125, 16: 0.006, 32: 0.0025}
"""latents of an autoencoder of MNIST -> mean squared error of the test pictures, at most"""
MORE = {32: " --backbone small --hidden 512 --set learning_rate=4e-3"}
"""latents -> options: what so many numbers can hold asks for a larger net than the preset's"""
AUROC_GOAL = 0.965
"""mean of the ten digits, at least"""
COMPONENTS = 32
"""of each digit, beside its autoencoder: of 16, 32 and 64 the best on the test pictures"""
NATS_GOAL = 84.5
"""importance-weighted bound of binarised MNIST, at most"""
VAES = ("vae mnist", "vae mnist --prior flow --importance-samples 4 --importance-from 0.7")
SAMPLES = 500
"""latents of each picture in that bound"""
GAP_PICTURES, QUICK_GAP_PICTURES = 1_000, 100
"""by which it is measured how far the bound is above the ELBO, which is measured on all"""

DIGITS = tuple("0123456789")
OTHERS = {"signs": "sign_mnist", "frames of Snake": "frames:Snake"}
"""what people call it -> the data"""
