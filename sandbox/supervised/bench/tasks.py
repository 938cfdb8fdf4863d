"""What `bench supervised` trains. Nothing heavy at import."""

from __future__ import annotations

import re
from pathlib import Path

from sandbox.core.errors import NotFound
from sandbox.data import source

PHOTOGRAPHS = "asl_digits"
"""folder of the Sign Language Digits Dataset (Mavi 2020, arXiv:2011.08927): 2 062 photographs, 218 people"""
PHOTOGRAPHS_PAGE = "https://github.com/ardamavi/Sign-Language-Digits-Dataset"

TASKS: dict[str, str] = {
    "mnist-fast": "mnist",
    "mnist-best": "mnist --augment --max-minutes 9",
    "sign-v0": "sign_mnist --model mlp",
    "sign-v1": "sign_mnist --model cnn",
    "sign-v2": "sign_mnist --model cnn --augment",
    "sign-backbone": "sign_mnist --augment",
    "photographs": "{hands} --augment",
    "photographs-5": "{hands} --augment --epochs 5",
    "photographs-from-signs": "{hands} --augment --init-from {sign-backbone}",
    "photographs-from-signs-5": "{hands} --augment --epochs 5 --init-from {sign-backbone}",
    "photographs-frozen": "{hands} --init-from {sign-backbone} --freeze",
    "photographs-fine-tuned": "{hands} --augment --init-from {sign-backbone} --fine-tune",
    "photographs-fine-tuned-full-rate": "{hands} --augment --init-from {sign-backbone} --fine-tune "
    "--set fine_rate=1",
}
"""name -> the words after `train-classifier`; each looks at the test pictures once, in the end

A name in braces stands for the run of that task with the same seed, and {hands} for the photographs of
signed digits, 32×32 and grey.
"""


COUNTS = (5, 10, 50)
"""pictures of each of the ten classes, of the training split"""
STEPS = 150
"""gradient steps of each of these trainings, whatever it starts from"""
FEW = f"{{hands}} --augment --steps {STEPS} --pictures"
WAYS: dict[str, str] = {
    "scratch": "",
    "mnist": "--init-from {mnist-fast}",
    "sign_mnist": "--init-from {sign-backbone}",
    "sign_mnist, frozen": "--init-from {sign-backbone} --freeze",
    "sign_mnist, fine-tuned": "--init-from {sign-backbone} --fine-tune",
    "sign_mnist, fine-tuned at the full rate": "--init-from {sign-backbone} --fine-tune --set fine_rate=1",
}
"""where the backbone comes from -> the words that say so"""

SEARCHED = "{hands} --augment --epochs 5"
"""what is searched from, and trained with the preset beside it"""
TRIALS = 16
_BRACES = str.maketrans("", "", "{}")


def spelled(words: str) -> str:
    """The words as people read them: what stands in braces by its name."""
    return words.replace("{hands}", f"folder:{PHOTOGRAPHS} --size 32 --colours grey").translate(_BRACES)


def parents(words: str) -> list[str]:
    """The tasks whose runs the words name."""
    return [name for name in re.findall(r"\{([a-z0-9-]+)\}", words) if name in TASKS]


def photographs(data_dir: Path | None) -> list[str]:
    """The data set of photographs, as words of a command line. Raises NotFound."""
    places = source.places(data_dir).values()
    folder = next((place / PHOTOGRAPHS for place in places if (place / PHOTOGRAPHS).is_dir()), None)
    if folder is None:
        raise NotFound(
            f"no {PHOTOGRAPHS}, the photographs of signed digits, in {', '.join(map(str, places))}",
            hint=f"put the folders 0 to 9 of {PHOTOGRAPHS_PAGE} there",
        )
    return [f"folder:{folder}", "--size", "32", "--colours", "grey"]
