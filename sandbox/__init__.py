"""Train agents and generative models with one command, and trust the runs that come out.

In Python, `train` does what the command of that name does, and `load_run` gives what a run has learned:

    from sandbox import load_run, train
    classifier = train("classifier", "mnist", max_minutes=1)
    eyes = load_run("latest").backbone  # an agent's, too: PPO(…, policy_kwargs={"backbone": eyes})

Agents are in `agents` (PPO, DQN), generative models in `generative` (Autoencoder, VAE, DDPM), environments in
`envs`. Importing this package is cheap: nothing but the standard library is loaded until a run is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

__version__ = "0.1.0"
__all__ = ["__version__", "load_run", "train"]


def load_run(
    text: str | Path = "latest",
    *,
    root: str | Path | None = None,
    checkpoint: str = "best",
    device: str = "auto",
    trust: bool = False,
) -> Any:
    """Load what a run has learned: an agent for ``train-agent``, a model for the others.

    An agent has ``predict(observation)`` and goes on with ``learn(steps)``; a classifier, an autoencoder, a
    VAE and a DDPM are torch modules in evaluation mode, for pictures (batch, channels, height, width) in
    [−1, 1]. All have a ``backbone``, from which others can start; that of an agent without pictures is None.

    Example:
        >>> from agents import PPO
        >>> from sandbox import load_run
        >>> model = PPO("MlpPolicy", "Sandbox/CartPole-v0", n_envs=8, n_steps=32).learn(256, run=True)
        >>> agent = load_run("latest")
        >>> action, _ = agent.predict(agent.env.reset(), deterministic=True)

    Args:
        text: ``latest``, a path, or the beginning of a run's name.
        root: Folder with the runs; ``SANDBOX_RUNS`` or ``runs`` when None.
        checkpoint: ``best``, ``last``, ``first`` or a step.
        device: ``auto``, ``cpu``, ``cuda``, …
        trust: Allow the run to import, and so to execute, a module that its config names.

    Raises:
        RunNotFound: No run matches ``text``.
        RunBroken: The run's own description is missing or damaged.
        UsageError: The run would import a module, and ``trust`` is not given; or ``text`` is no text.
    """
    import os

    from sandbox.core.errors import UsageError
    from sandbox.core.machine import threads_kept
    from sandbox.core.plugins import kind_of
    from sandbox.core.runs import find_run

    if not isinstance(text, str | os.PathLike):
        raise UsageError(f"the name of a run is a text, not {text!r}", hint='load_run("latest")')
    run = find_run(str(text), root)
    with threads_kept():
        return kind_of(run.info["kind"]).load(run, checkpoint=checkpoint, device=device, trust=trust)


def train(what: str, *subjects: str, quiet: bool = False, **options: Any) -> Any:
    """Do what ``python -m sandbox train-agent``, ``train-classifier`` or ``train-generator`` does.

    The words are the command's (``python -m sandbox train-classifier --help`` lists them), with ``_`` for
    ``-``. It leaves a run folder, which all other commands know.

    Example:
        >>> from sandbox import train
        >>> classifier = train("classifier", "digits", steps=10, quiet=True)
        >>> classifier.training
        False

        Likewise ``train("agent", "CartPole", steps="20k", set={"n_steps": 32})`` and
        ``train("generator", "vae", "mnist", max_minutes=2, latent=16)``.

    Args:
        what: ``agent``, ``classifier`` or ``generator``.
        subjects: What stands behind the command's name: the environment; the data; or the kind of model and
            the data.
        quiet: Say nothing but warnings.
        options: By their names. Flags are True or False, counts may be ``"50k"``; ``set``, and all that may
            be repeated, is a list of texts, or a dict.

    Returns:
        What `load_run` gives for the run: the agent or model, the best that was found. With ``seeds`` a list
        of them; with ``dry_run`` what the command's ``--json`` prints.

    Raises:
        SandboxError: As the command: one line that says what is wrong, and what to do.
    """
    from sandbox.core.plugins import train_of_commands

    return train_of_commands()(what, subjects, quiet, options)


def __dir__() -> list[str]:
    return sorted(__all__)
