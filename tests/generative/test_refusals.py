"""What `train-generator` refuses: in one line, and nothing is left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.__main__ import main

Captured = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("words", "code", "says", "hint"),
    [
        ("", 2, "KIND", "train-generator --help"),
        ("vae", 2, "which data?", "such as mnist"),
        ("va digits", 2, "unknown kind of model 'va': did you mean 'vae'?", "autoencoder, vae"),
        ("autoencodr digits", 2, "did you mean 'autoencoder'?", ""),
        ("vae digist", 2, "unknown data set 'digist': did you mean 'digits'?", ""),
        ("digits vae", 2, "unknown kind of model 'digits'", "known: "),
        ("vae digits --noise 0.2", 2, "--noise is for autoencoder, and this is to be vae", ""),
        ("autoencoder digits --beta 2", 2, "--beta is for vae, and this is to be autoencoder", ""),
        ("autoencoder digits --kl-warmup 0.1", 2, "--kl-warmup is for vae", ""),
        ("autoencoder digits --free-bits 0.1", 2, "--free-bits is for vae", ""),
        ("autoencoder digits --importance-samples 2", 2, "--importance-samples is for vae", ""),
        ("autoencoder digits --class-conditional", 2, "--class-conditional is for vae", ""),
        ("autoencoder digits --likelihood gaussian", 2, "--likelihood is for vae", ""),
        ("vae digits --latnt 3", 2, "'--latnt': did you mean '--latent'?", ""),
        ("vae digits --latent 0", 2, "latent must be 1 to 16,384, not 0", ""),
        ("vae digits --latent 1e9", 2, "latent must be 1 to 16,384, not 1000000000", ""),
        ("vae digits --latent 2.5", 2, "'2.5' is not whole", ""),
        ("vae digits --hidden 1e9", 2, "hidden must be 1 to 16,384", ""),
        ("vae digits --hidden 0", 2, "hidden must be 1 to 16,384, not 0", ""),
        ("vae digits --likelihood normal", 2, "--likelihood: 'normal' is not one of ", ""),
        ("vae digits --beta -1", 2, "beta must be 0 or more, not -1", ""),
        ("vae digits --beta nan", 2, "beta must be 0 or more, not nan", ""),
        ("vae digits --kl-warmup 2", 2, "kl_warmup must be between 0 and 1, not 2", ""),
        ("vae digits --free-bits inf", 2, "free_bits must be 0 or more, not inf", ""),
        ("vae digits --importance-samples 0", 2, "importance_samples must be 1 to 1,000, not 0", ""),
        ("vae digits --importance-samples 1e9", 2, "importance_samples must be 1 to 1,000", ""),
        ("vae digits --importance-samples 5 --beta 2", 2, "raises another bound: beta, kl_warmup", ""),
        ("autoencoder digits --noise -0.1", 2, "noise must be 0 or more, not -0.1", ""),
        ("autoencoder digits --noise nan", 2, "noise must be 0 or more, not nan", ""),
        ("autoencoder digits --only x", 2, "unknown class of digits 'x'", "known: 0, 1, 2"),
        ("autoencoder digits --only 3,", 2, "unknown class of digits ''", ""),
        ("autoencoder digits --only 3,33", 2, "'33': did you mean '3'?", ""),
        ("autoencoder digits --size 3", 2, "size must be 4 to 1,024 pixels, not 3", ""),
        ("autoencoder digits --size 2000", 2, "size must be 4 to 1,024 pixels, not 2000", ""),
        ("autoencoder digits --colours red", 2, "--colours: 'red' is not one of ", ""),
        ("autoencoder digits --backbone smal", 2, "did you mean 'small'?", ""),
        ("autoencoder digits --set latent=3", 2, "unknown key 'latent'", ""),
        ("autoencoder digits --set frozen_steps=3", 2, "frozen_steps must be 0 here, not 3", ""),
        ("autoencoder digits --set optimizer=adm", 2, "optimizer: ", ""),
        ("autoencoder digits --set batch_size=0", 2, "batch_size must be at least 1, not 0", ""),
        ("autoencoder digits --steps 0", 2, "--steps must be above 0, not 0", ""),
        ("autoencoder digits --epochs nan", 2, "--epochs must be above 0, not nan", ""),
        ("autoencoder digits --epochs 2 --max-minutes 5", 2, "are two budgets", "give one of them"),
        ("autoencoder digits --seed -1", 2, "seed must be between 0", ""),
        ("autoencoder digits --seeds 0", 2, "--seeds must be at least 1", ""),
        ("autoencoder digits --seeds 2 --name a", 2, "--name is for one run", ""),
        ("autoencoder digits --threads 0", 2, "threads must be at least 1, not 0", ""),
        ("autoencoder digits --device tpu", 2, "unknown device 'tpu'", ""),
        ("autoencoder digits --name ../a", 2, "'../a' cannot be the name of a run", ""),
        ("autoencoder digits --config nowhere.toml", 4, "no such file: nowhere.toml", ""),
        ("autoencoder digits --init-from nowhere", 4, "no run matches 'nowhere'", ""),
        (
            "vae digits --size 1024 --set batch_size=50000",
            7,
            "a step with 50,000 pictures of 1024×1024",
            "--size",
        ),
        ("autoencoder folder:nowhere", 4, "nowhere", ""),
        ("autoencoder frames:Snke", 4, "there is no environment called 'Snke'", "did you mean 'Snake'?"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing_behind(
    words: str, code: int, says: str, hint: str, runs_root: Path, capsys: Captured
) -> None:
    assert main(["train-generator", *words.split()]) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    lines = shown.err.splitlines()
    assert lines[0].startswith("error: ")
    assert says in lines[0]
    assert hint in "".join(lines)
    assert len(lines) <= 2
    assert list(runs_root.glob("*")) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('data = "digits"\nlatnt = 3\n', "line 2: unknown key 'latnt': did you mean 'latent'?"),
        ('data = "digits"\nonly = "3"\n', "line 2: only: "),
        ('data = "digits"\nonly = [3]\n', "line 2: only"),
        ('data = "digits"\nlikelihood = "x"\n', "line 2: likelihood: "),
        ('data = "digits"\n\n[fit]\nsteps = "x"\n', "line 4: fit.steps: 'x'"),
        ('data = "digits"\nnoise = 0.1\n', "line 2: unknown key 'noise'"),
        ('data = "digits"\nlatent = 0\n', "line 2: latent must be 1 to 16,384, not 0"),
        ("latent = 2\n", "which data?"),
        ("data = \n", "not valid TOML"),
    ],
)
def test_a_config_error_names_key_and_line(
    text: str, says: str, tmp_path: Path, runs_root: Path, capsys: Captured
) -> None:
    config = tmp_path / "wrong.toml"
    config.write_text(text)
    assert main(["train-generator", "vae", "--config", str(config)]) == 2
    assert says in capsys.readouterr().err.splitlines()[0]
    assert list(runs_root.glob("*")) == []
