"""A lock on a folder that ends with the process that holds it, however that ends (flock)."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path

_held: set[int] = set()


def _forget_in_child() -> None:
    # A forked worker shares the parent's lock; it must not keep it when the parent is killed.
    for handle in _held:
        with contextlib.suppress(OSError):
            os.close(handle)
    _held.clear()


os.register_at_fork(after_in_child=_forget_in_child)


class LockHeld(Exception):  # noqa: N818 - see errors.py
    """Somebody holds the lock; ``pid`` is the process that wrote itself into the file, if it did."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(f"held by process {pid}")
        self.pid = pid


class FolderLock:
    """Takes the lock at once, and holds it until `release` or the end of the process.

    Args:
        path: The lock file; made if needed, never removed (removing it would let two processes in).

    Raises:
        LockHeld: Another process, or this one, holds it.
        OSError: The file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._take()
        except BaseException:
            os.close(self._handle)
            raise
        _held.add(self._handle)
        with contextlib.suppress(OSError):  # The process id is a courtesy; a full disk may deny it.
            os.ftruncate(self._handle, 0)
            os.pwrite(self._handle, f"{os.getpid()}\n".encode(), 0)

    def _take(self) -> None:
        # `is_locked` holds a shared lock for an instant: a few tries tell it from a real holder.
        for attempt in range(5):
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if attempt < 4:
                    time.sleep(0.02)
        text = os.pread(self._handle, 32, 0).decode("ascii", "replace").strip()
        raise LockHeld(int(text) if text.isdigit() else None)

    def release(self) -> None:
        """Let go; may be called twice."""
        if self._handle in _held:
            _held.discard(self._handle)
            os.close(self._handle)


def is_locked(path: Path) -> bool:
    """Tell whether some process holds the lock ``path``; a missing or unreadable file is not locked."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False
