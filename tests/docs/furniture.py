"""What the scene of documented commands is furnished with: small data sets, other libraries' models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from tests.data.made import csv, idx

TRAINING, VALIDATION, TEST = 100, 40, 70
"""pictures of what stands for MNIST"""


def like_mnist() -> dict[str, bytes]:
    """Files of MNIST's form with handwritten digits, scaled into 20×20 in the middle of 28×28."""
    from sklearn.datasets import load_digits

    given = load_digits()
    count = TRAINING + VALIDATION + TEST
    images = np.zeros((count, 28, 28), np.uint8)
    for place, image in zip(images, given.images, strict=False):
        small = Image.fromarray((15.9 * image).astype(np.uint8))
        place[4:24, 4:24] = small.resize((20, 20), Image.Resampling.BILINEAR)
    labels = given.target[:count].astype(np.uint8)
    cut = TRAINING + VALIDATION
    return {
        "train-images-idx3-ubyte": idx(images[:cut]),
        "train-labels-idx1-ubyte": idx(labels[:cut]),
        "t10k-images-idx3-ubyte": idx(images[cut:]),
        "t10k-labels-idx1-ubyte": idx(labels[cut:]),
    }


def like_sign_mnist() -> dict[str, bytes]:
    """Files of Sign MNIST's form: 24 letters, eight pictures of each to learn from."""
    from sandbox.data.sign_mnist import TEST_FILE, TRAINING_FILE

    rng = np.random.default_rng(2)
    letters = [letter for letter in range(25) if letter != 9]
    labels = np.repeat(letters, 8)
    images = rng.integers(40, 200, (len(labels), 784))
    test = rng.integers(40, 200, (2 * len(letters), 784))
    return {
        TRAINING_FILE: csv(images, labels),
        TEST_FILE: csv(test, np.tile(letters, 2)),
    }


def foreign_ddpm(folder: Path) -> None:
    """A pipeline of diffusers' own making."""
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    unet = UNet2DModel(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=8,
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
    )
    DDPMPipeline(unet, DDPMScheduler()).save_pretrained(folder)


def stock_lander(path: Path) -> None:
    """An agent of stock SB3's for LunarLander, or a file that is never opened where that is missing."""
    try:
        from stable_baselines3 import PPO

        PPO("MlpPolicy", "LunarLander-v3", device="cpu").save(path)
    except ImportError:
        path.write_bytes(b"")
    except Exception as error:
        if "DependencyNotInstalled" not in type(error).__name__:
            raise
        path.write_bytes(b"")


def vision_model(folder: Path) -> None:
    """A tiny ResNet as transformers keeps it."""
    import transformers

    config = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])
    transformers.ResNetModel(config).save_pretrained(folder)
    preparation = {"size": {"shortest_edge": 32}, "image_mean": [0.5, 0.4, 0.3], "image_std": [0.2, 0.3, 0.4]}
    (folder / "preprocessor_config.json").write_text(json.dumps(preparation))
