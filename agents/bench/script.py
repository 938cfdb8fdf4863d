"""What a user of stock SB3 writes to solve CartPole, with rl-baselines3-zoo's settings: SEED STEPS."""

import sys

from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import EvalCallback, StopTrainingOnRewardThreshold
from stable_baselines3.common.env_util import make_vec_env


def main(seed: int, steps: int) -> None:
    """Train until an evaluation reaches 475, and say whether one did."""
    # 20 environments to evaluate on: the default of one would cost SB3 seconds.
    stop = StopTrainingOnRewardThreshold(475)
    evaluation = EvalCallback(
        make_vec_env("CartPole-v1", 20), stop, n_eval_episodes=20, eval_freq=2_048 // 8, verbose=0
    )
    env = make_vec_env("CartPole-v1", 8, seed=seed)
    model = PPO(
        "MlpPolicy",
        env,
        n_steps=32,
        batch_size=256,
        n_epochs=20,
        gamma=0.98,
        gae_lambda=0.8,
        learning_rate=lambda left: 1e-3 * left,
        clip_range=lambda left: 0.2 * left,
        seed=seed,
        device="cpu",
    )
    model.learn(steps, callback=evaluation)
    sys.stdout.write("solved\n" if evaluation.best_mean_reward >= 475 else "not solved\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
