"""`train-generator`: the command line of the generative wing. Loads torch only when there is work."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import Positional, UseAppendAction, arg

from generative.config import Denoiser, GeneratorConfig, Likelihood, NoiseSchedule, Prediction, Prior
from generative.resolve import checked_kind, resolve_config
from sandbox.core.config import Count
from sandbox.core.errors import UsageError
from sandbox.data.form import Colours
from sandbox.nn.presets import PresetName
from sandbox.nn.train_options import TrainOptions, shown
from sandbox.ui.console import Console


@dataclass(frozen=True)
class GeneratorOptions:
    """What is learned from what, and how."""

    kind: Annotated[Positional[str], arg(metavar="KIND")]
    """autoencoder, vae or ddpm."""
    data: Annotated[Positional[str], arg(metavar="DATA")] = ""
    """The data set; may be left out with --config."""
    latent: Count | None = None
    """Of an autoencoder or VAE: numbers that a picture is brought to; 32, of a VAE 40, unless given."""
    hidden: Count | None = None
    """Of an autoencoder or VAE: units of its dense layers; 256, of a VAE 512, unless given."""
    only: str | None = None
    """Learn from these classes only, by their names, such as 3 or A,B; all, unless given."""
    noise: float | None = None
    """Of an autoencoder: remove noise of this standard deviation, such as 0.3, on pixels from 0 to 1."""
    likelihood: Likelihood | None = None
    """Of a VAE: bernoulli for black and white (MNIST's, unless given), gaussian for 256 grey levels."""
    class_conditional: bool | None = None
    """Tell a VAE or DDPM the classes, to draw pictures of one; a DDPM is told unless there are none."""
    no_class_conditional: bool = False
    """Tell a DDPM no classes, although there are."""
    prior: Prior | None = None
    """Of a VAE: flow for a prior of the latents that is learned, too; normal, unless given."""
    beta: float | None = None
    """Of a VAE: weight of the divergence from the prior; 1, unless given."""
    kl_warmup: float | None = None
    """Of a VAE: part of the budget in which that weight grows from 0, such as 0.2."""
    free_bits: float | None = None
    """Of a VAE: divergence in nats that each latent may have for nothing, such as 0.1."""
    importance_samples: Count | None = None
    """Of a VAE: latents drawn for each picture in training; above 1 raises the importance-weighted bound."""
    importance_from: float | None = None
    """Of a VAE: part of the budget before that, in which one is drawn, such as 0.7."""
    unet: Denoiser | None = None
    """Of a DDPM: diffusers for diffusers' own network; the U-Net over the shared backbone, unless given."""
    attention: bool | None = None
    """Of a DDPM: let the coarsest features of its U-Net see each other."""
    noise_schedule: NoiseSchedule | None = None
    """Of a DDPM: how noise grows over the timesteps; cosine, unless given."""
    prediction: Prediction | None = None
    """Of a DDPM: what its network answers with: v, unless given; epsilon (the noise) or x0 (the picture)."""
    zero_snr: bool | None = None
    """Of a DDPM: leave nothing of the picture at the last timestep."""
    timesteps: Count | None = None
    """Of a DDPM: of the chain that is learned; 1,000, unless given."""
    min_snr: float | None = None
    """Of a DDPM: bound of the weight of little noise in the loss, such as 5; 0 for no weights."""
    label_dropout: float | None = None
    """Of a DDPM: part of the pictures whose class is not told, which guidance needs; 0.1, unless given."""
    guidance: float | None = None
    """Of a DDPM: how much it pronounces the class when it draws; 1.25, unless given."""
    backbone: PresetName | None = None
    """Size of the backbone; shallow, of a DDPM small, unless given."""
    init_from: str | None = None
    """Start from the backbone of this run, or of this file."""
    size: Count | None = None
    """Side of the pictures in pixels; the data set's own, unless given."""
    colours: Colours | None = None
    """grey or colour; the data set's own, unless given."""
    seed: int | None = None
    """Decides everything that is random; 0, unless given."""
    device: str | None = None
    """auto, cpu, cuda, cuda:1 or mps; auto, unless given."""
    threads: Count | None = None
    """torch's threads on the CPU; OMP_NUM_THREADS, or one for each core, unless given."""
    set: Annotated[UseAppendAction[tuple[str, ...]], arg(metavar="KEY=VALUE")] = ()
    """Change a hyperparameter, such as batch_size=64; may be repeated."""
    data_dir: Path | None = None
    """Folder with the data; SANDBOX_DATA, then the cache, unless given."""
    config: Path | None = None
    """Start from a config file, such as a run's config.toml; options change it."""


@dataclass(frozen=True)
class TrainGenerator(TrainOptions, GeneratorOptions):
    """Train a model of pictures, and leave a run folder that explains itself.

    KIND is autoencoder (a picture through a few numbers, and back), vae (which can draw new ones, too) or
    ddpm (a diffusion model, which draws by taking noise away).
    DATA is the name of a data set (python -m sandbox list data), folder:PATH for pictures of your own in a
    folder for each class, or frames:ENV for what an environment shows. The validation pictures choose the
    weights to keep; the test pictures are looked at once, in the end.

    Examples:
        python -m sandbox train-generator autoencoder mnist --latent 32
        python -m sandbox train-generator autoencoder mnist --only 3
        python -m sandbox train-generator autoencoder folder:~/pets --size 64 --noise 0.2
        python -m sandbox train-generator vae mnist --class-conditional --max-minutes 5
        python -m sandbox train-generator vae frames:Snake --latent 64 --kl-warmup 0.2
        python -m sandbox train-generator vae sign_mnist --init-from latest
        python -m sandbox train-generator ddpm mnist --max-minutes 5
        python -m sandbox train-generator ddpm frames:Snake --set autocast=true
    """

    def run(self, console: Console) -> dict[str, Any]:
        """Train; returns what `--json` prints."""
        self.check_seeds()
        config = self.resolve(console)
        if self.dry_run:
            return shown(config, console)
        from generative.training import train

        results = self.of_each_seed(config, train, report, console)
        return results[0] if self.seeds == 1 else {"schema": "sandbox.generators/1", "runs": results}

    def resolve(self, console: Console) -> GeneratorConfig:
        """Preset, then config file, then options: each changes what came before.

        Raises:
            SandboxError: one line that names the option or key and what is wrong with it.
        """
        changes = {name: getattr(self, name) for name in PASSED_ON if getattr(self, name) is not None}
        if self.only is not None:
            changes["only"] = tuple(name.strip() for name in self.only.split(","))
        if self.no_class_conditional:
            if self.class_conditional:
                raise UsageError("--class-conditional and --no-class-conditional: give one of them")
            changes["class_conditional"] = False
        if self.data_dir is not None:
            changes["data_dir"] = str(self.data_dir)
        minutes = self.minutes
        return resolve_config(
            checked_kind(self.kind),
            self.data,
            changes,
            settings=(*self.set, *self.more_settings),
            budget=self.budget,
            config=self.config,
            quick=self.quick,
            root=self.out,
            timed=None if minutes is None else lambda config: _steps_in(minutes, config, console),
        )


PASSED_ON = (
    *("latent", "hidden", "noise", "likelihood", "class_conditional", "prior", "beta", "kl_warmup"),
    *("free_bits", "importance_samples", "importance_from"),
    *("unet", "attention", "noise_schedule", "prediction", "zero_snr", "timesteps", "min_snr"),
    *("label_dropout", "guidance"),
    *("backbone", "init_from", "size", "colours", "seed", "device", "threads"),
)
"""Fields of a `GeneratorConfig` of the same name."""


def _steps_in(minutes: float, config: GeneratorConfig, console: Console) -> int:
    """How many steps `minutes` have room for."""
    from generative.pictures import load_pictures
    from generative.training import build_training
    from sandbox.nn.fit_run import steps_in

    steps = steps_in(minutes, build_training(config, load_pictures(config), Console(quiet=True)))
    console.note(f"{minutes:g} minutes have room for {steps:,} steps")
    return steps


def report(result: dict[str, Any], console: Console) -> None:
    """Say in a few lines how training went and what to do next."""
    from generative.drawings import draw_curve
    from sandbox.core.run import Run
    from sandbox.data.catalog import label

    run, score = Run(result["run"]), result["evaluation"]
    latents = f"{result['latent']} latents, " if "latent" in result else ""
    what = f"{result['kind']} on {label(result['data'])}, {latents}seed {result['seed']}"
    console.print(f"done: {what}: {told(score)}")
    steps = f"{result['steps']:,} step{'s' if result['steps'] != 1 else ''}"
    console.print(f"trained {result['epochs']:g} epochs ({steps}) in {result['train_seconds']:.1f} s")
    console.print(f"run    {run.relative()}")
    curve = draw_curve(run)
    if curve is not None:
        console.print(f"curve  {run.relative() / curve.relative_to(run.path)}")
    console.print(f"film   {run.relative() / 'samples' / 'training.gif'}")
    then = "reconstruct" if result["kind"] == "autoencoder" else "generate"
    console.print(f"next   python -m sandbox {then} {run.relative()}")


def told(score: dict[str, Any]) -> str:
    """An evaluation in words."""
    where = f"on {score['n']:,} {score['split']} pictures"
    if "mse" in score:
        return f"a squared error of {score['mse']:.4f} a pixel {where}"
    if "noise_mse" in score:
        return f"a loss of {score['loss']:.4f} {where} (squared error of the noise {score['noise_mse']:.4f})"
    return (
        f"{-score['elbo']:.2f} nats {where} "
        f"({score['reconstruction']:.2f} of reconstruction and {score['kl']:.2f} of divergence)"
    )
