"""What `bench generative` trains, and what it is to reach. Nothing heavy at import."""

from __future__ import annotations

PARTS = (
    *("autoencoder", "one-class", "vae", "others", "speed"),
    *("ddpm", "ddpm-long", "ddpm-peer", "ddpm-others"),
)
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

OURS = "ddpm mnist"
DRAWN, LONG_DRAWN = 1_000, 10_000
"""pictures that a diffusion model is measured by, after some minutes and after half an hour"""
STEPS = 20
"""in which they are drawn"""
RIGHT_GOAL, LONG_RIGHT_GOAL, GPU_RIGHT_GOAL = 95.0, 99.0, 99.5
"""percent of them that the judge takes for the digit that was asked for, at least"""
FLOORS_GOAL = 3.0
"""Fréchet distance after half an hour, at most, as a multiple of that of as many training pictures"""
LONG = 6.0
"""of the minutes: half an hour where all others have five minutes"""
TIMED, TIMED_GOAL = 64, 1.5
"""digits, and seconds in which they are drawn, at most"""

SAMPLER_STEPS = (5, 10, 20, 50, 250)
SAMPLER_DRAWN = 500
"""pictures of each sampler at each number of steps"""
STEPS_TABLE, STEPS_CURVES = "ddpm-steps", "ddpm-steps.png"
"""where that stands, and its picture"""

PEER = "ddpm mnist --unet diffusers --set learning_rate=3e-3"
OURS_PART, PEER_PART = 0.6, 3.6
"""of the minutes: 3 and 18 of five"""
FULL_LENGTH = 1_000_000
"""steps of a schedule, where it is not known yet how many there is time for"""
GPU = "ddpm mnist --backbone large --device cuda --set autocast=true"
GPU_PEER = "ddpm mnist --unet diffusers --set learning_rate=3e-3 --device cuda --set autocast=true"
DRAWN_AT_ONCE = 250
"""pictures by which drawing is timed there"""

OTHERS_DRAWN = {"sign_mnist": "signs", "frames:Snake": "frames of Snake", "frames:Maze3D": "frames of Maze3D"}
"""data -> what people call it"""
