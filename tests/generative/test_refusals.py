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
        ("va digits", 2, "unknown kind of model 'va': did you mean 'vae'?", "autoencoder, ddpm, vae"),
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
        ("vae digits --unet diffusers", 2, "--unet is for ddpm, and this is to be vae", ""),
        ("vae digits --prediction v --attention", 2, "--attention is for ddpm", ""),
        ("vae digits --zero-snr", 2, "--zero-snr is for ddpm", ""),
        ("autoencoder digits --guidance 2", 2, "--guidance is for ddpm", ""),
        ("autoencoder digits --no-class-conditional", 2, "--class-conditional is for vae and ddpm, and", ""),
        ("ddpm digits --latent 4", 2, "--latent is for autoencoder and vae, and this is to be ddpm", ""),
        ("ddpm digits --hidden 4", 2, "--hidden is for autoencoder and vae", ""),
        ("ddpm digits --noise 0.1 --beta 2", 2, "--beta is for vae, and this is to be ddpm", ""),
        ("ddpm digits --likelihood bernoulli", 2, "--likelihood is for vae", ""),
        ("dpm digits", 2, "unknown kind of model 'dpm': did you mean 'ddpm'?", "autoencoder, ddpm, vae"),
        ("ddpm digits --prediction eps", 2, "--prediction: 'eps' is not one of ", ""),
        ("ddpm digits --noise-schedule sigmoid", 2, "--noise-schedule: 'sigmoid' is not one of ", ""),
        ("ddpm digits --unet diffuser", 2, "--unet: 'diffuser' is not one of ", ""),
        ("ddpm digits --zero-snr --prediction epsilon", 2, "zero_snr needs prediction v or x0", ""),
        ("ddpm digits --min-snr -1", 2, "min_snr must be 0 or more, not -1", ""),
        ("ddpm digits --min-snr nan", 2, "min_snr must be 0 or more, not nan", ""),
        ("ddpm digits --label-dropout 1", 2, "label_dropout must be at least 0 and below 1, not 1", ""),
        ("ddpm digits --label-dropout -0.1", 2, "label_dropout must be at least 0 and below 1", ""),
        ("ddpm digits --guidance inf", 2, "guidance must be 0 or more, not inf", ""),
        (
            "ddpm digits --label-dropout 0 --guidance 2",
            2,
            "label_dropout is 0: guidance must be 1, not 2",
            "",
        ),
        ("ddpm digits --no-class-conditional --guidance 2", 2, "is told none: guidance must be 1, not 2", ""),
        ("ddpm digits --only 3 --guidance 2", 2, "is told none: guidance must be 1, not 2", ""),
        ("ddpm digits --set timesteps=100", 2, "unknown key 'timesteps': it has the option --timesteps", ""),
        ("ddpm digits --set zero-snr=true", 2, "unknown key 'zero_snr': it has the option --zero-snr", ""),
        ("ddpm digits --set stesp=1", 2, "unknown key 'stesp': did you mean 'steps'?", ""),
        ("ddpm digits --timesteps 10", 2, "timesteps must be 50 to 100,000, not 10", ""),
        ("vae digits --timesteps 100", 2, "--timesteps is for ddpm, and this is to be vae", ""),
        ("ddpm digits --class-conditional --no-class-conditional", 2, "give one of them", ""),
        ("ddpm digits --unet diffusers --attention", 2, "attention is for the U-Net over the shared", ""),
        ("ddpm digits --unet diffusers --size 10", 2, "multiples of 4, and these are 10×10", "--size 12"),
        ("ddpm digits --unet diffusers --size 10 --dry-run", 2, "needs sides that are", "--size 12"),
        (
            "ddpm digits --size 128 --set batch_size=5000000",
            7,
            "a step with 5,000,000 pictures of 128",
            "--size",
        ),
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
            "vae digits --size 128 --set batch_size=5000000",
            7,
            "a step with 5,000,000 pictures of 128×128",
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
    assert says in error_in(text, "vae", tmp_path, capsys)
    assert list(runs_root.glob("*")) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('data = "digits"\nlatent = 3\n', "line 2: unknown key 'latent'"),
        ('data = "digits"\ntimesteps = 10\n', "line 2: timesteps must be 50 to 100,000, not 10"),
        ('data = "digits"\ntimesteps = 1e9\n', "line 2: timesteps must be "),
        ('data = "digits"\nprediction = "w"\n', "line 2: prediction: "),
        ('data = "digits"\nzero_snr = 1\n', "line 2: zero_snr"),
        ('data = "digits"\nmin_snr = -5\n', "line 2: min_snr must be 0 or more, not -5"),
        ('data = "digits"\nunet = "diffusers"\nattention = true\n', "line 3: attention is for the U-Net"),
        (
            'data = "digits"\nlabel_dropout = 0\nguidance = 2\n',
            "label_dropout is 0: guidance must be 1, not 2",
        ),
        ('data = "digits"\nclass_conditional = "no"\n', "line 2: class_conditional: "),
    ],
)
def test_a_config_error_of_a_ddpm_names_key_and_line(
    text: str, says: str, tmp_path: Path, runs_root: Path, capsys: Captured
) -> None:
    assert says in error_in(text, "ddpm", tmp_path, capsys)
    assert list(runs_root.glob("*")) == []


def error_in(text: str, kind: str, folder: Path, capsys: Captured) -> str:
    """What is said of a config file."""
    config = folder / "wrong.toml"
    config.write_text(text)
    assert main(["train-generator", kind, "--config", str(config)]) == 2
    return capsys.readouterr().err.splitlines()[0]
