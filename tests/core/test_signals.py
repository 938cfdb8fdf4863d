"""The first Ctrl-C asks, the second one stops."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from sandbox.core.signals import StopRequest, Terminated


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_first_signal_is_only_noted(signum: int, code: int) -> None:
    notes: list[str] = []
    with StopRequest(on_first=lambda: notes.append("saving")) as stop:
        assert not stop.requested
        assert stop.exit_code == 0
        os.kill(os.getpid(), signum)
        assert stop.requested
        assert stop.signum == signum
    assert stop.exit_code == code
    assert notes == ["saving"]


@pytest.mark.parametrize(
    ("signum", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_the_second_signal_stops_at_once(signum: int, error: type[KeyboardInterrupt]) -> None:
    with StopRequest():
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(error):
            os.kill(os.getpid(), signum)


def test_handlers_are_given_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with StopRequest():
        assert signal.getsignal(signal.SIGINT) != before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_outside_of_the_main_thread_it_does_nothing() -> None:
    seen: list[bool] = []

    def work() -> None:
        with StopRequest() as stop:
            seen.append(stop.requested)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
