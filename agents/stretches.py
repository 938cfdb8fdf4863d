"""Which stretches of episodes lie in a ring of steps, to be sampled as sequences."""

from __future__ import annotations

import numpy as np


class Stretches:
    """Where sequences begin and how long they are, on the host.

    One begins with each episode and then every `length - overlap` steps of it. It is ready as soon as it has
    `length` transitions or its episode is over. Steps are numbered from 0 on, over all episodes together;
    step number t lies in row t modulo rows.

    Args:
        rows: in the ring.
        n_envs: environments in a row.
        length: most transitions of a sequence.
        overlap: transitions that neighbouring ones of an episode share, fewer than `length`.
    """

    def __init__(self, rows: int, n_envs: int, length: int, overlap: int) -> None:
        self.rows, self.n_envs, self.length, self.overlap = rows, n_envs, length, overlap
        self.stride = length - overlap
        """steps from one's beginning to the next one's"""
        self.lengths = np.zeros((rows, n_envs), np.int32)
        """of what begins here and is ready; 0: nothing"""
        self.ready = 0
        """how many are"""
        self.began = np.zeros(n_envs, np.int64)
        """number of each running episode's first step"""
        self._begins_at = np.zeros(n_envs, np.int64)  # step with which the next one inside an episode begins
        self._ready_at = np.zeros(n_envs, np.int64)  # steps after which the next one has `length` transitions
        self._new: list[np.ndarray] = []
        self._begin(np.arange(n_envs), 0)

    def _begin(self, envs: np.ndarray, step: int) -> None:
        self.began[envs] = step
        self._begins_at[envs] = step + self.stride
        self._ready_at[envs] = step + self.length

    def inside(self, step: int) -> np.ndarray:
        """(n,) int: in these environments one begins here, and no episode does. To be asked once a step."""
        envs = (self._begins_at == step).nonzero()[0]
        if envs.size:
            self._begins_at[envs] += self.stride
        return envs

    def done(self, step: int, begun: np.ndarray, ignored: np.ndarray | None) -> None:
        """A step is done.

        Args:
            step: its number.
            begun: (episodes,) int, environments in which an episode begins with the next one.
            ignored: (envs,) bool, where there was no step; these are among `begun` too.
        """
        ended = begun
        if ignored is not None and begun.size:
            ended, skipped = begun[~ignored[begun]], begun[ignored[begun]]
            self._close(skipped, step)
            self._ready_at[skipped] = -1
        whole = (self._ready_at == step + 1).nonzero()[0]
        if whole.size:
            self._ready_at[whole] += self.stride
            self._enter(whole, step + 1, np.full(len(whole), self.length))
        if begun.size:
            self._close(ended, step + 1)
            self._begin(begun, step + 1)

    def cut(self, step: int) -> None:
        """All episodes were over before this step, which is none; others begin with the next one."""
        everyone = np.arange(self.n_envs)
        self._close(everyone, step)
        self._begin(everyone, step + 1)

    def _close(self, envs: np.ndarray, end: int) -> None:
        """The episodes in `envs` (episodes,) were over before step number `end`: their last sequences.

        One that begins no more than `overlap` before the end has nothing that the one before it lacks.
        """
        steps = end - self.began[envs]
        lengths = steps - np.maximum((steps - self.overlap - 1) // self.stride, 0) * self.stride
        self._enter(envs[steps > 0], end, lengths[steps > 0])

    def _enter(self, envs: np.ndarray, end: int, lengths: np.ndarray) -> None:
        """In `envs` (n,) those of these `lengths` (n,) that end before step number `end` are ready; some may
        have been before."""
        rows = (end - lengths) % self.rows
        new = self.lengths[rows, envs] == 0
        rows, envs = rows[new], envs[new]
        self.lengths[rows, envs] = lengths[new]
        self._new.append(rows * self.n_envs + envs)
        self.ready += len(envs)

    def forget(self, step: int) -> None:
        """What begins with this step is gone."""
        lengths = self.lengths[step % self.rows]
        self.ready -= int(np.count_nonzero(lengths))
        lengths[:] = 0

    def news(self) -> np.ndarray:
        """Slots, row · n_envs + env, that got something ready since this was asked before; it may be gone."""
        new, self._new = np.concatenate([np.zeros(0, np.int64), *self._new]), []
        return new

    def restore(self, lengths: np.ndarray, began: np.ndarray, steps: int) -> None:
        """Go on where another one of the same sizes was after so many steps.

        Args:
            lengths: (filled rows, envs), its own.
            began: (envs,), its own.
            steps: done by then.
        """
        self.lengths[:] = 0
        self.lengths[: len(lengths)] = lengths
        self.ready, self._new = int(np.count_nonzero(lengths)), []
        self.began[:] = began
        age = steps - self.began
        self._begins_at = self.began + np.maximum(-(-age // self.stride), 1) * self.stride
        later = np.maximum(-((self.length - age - 1) // self.stride), 0)
        self._ready_at = self.began + self.length + later * self.stride
