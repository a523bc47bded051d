"""What takes too long is interrupted: again and again, by the clock that was asked for, and never half way."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any

import hypothesis
import hypothesis.control
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from hypothesis.utils.dynamicvariables import DynamicVariable

from verify.interrupt import AGAIN, at_most, held


class TooLong(BaseException):
    pass


def spin(now: Callable[[], float] = time.monotonic, seconds: float = 60.0) -> None:
    end = now() + seconds
    while now() < end:
        pass


def test_a_lost_interruption_comes_again() -> None:
    """An exception out of a signal is lost where it meets a callback that swallows everything."""

    def swallow_one() -> None:
        try:
            spin()
        except BaseException:  # what a destructor does
            spin()

    start = time.monotonic()
    with pytest.raises(TooLong), at_most(0.1, TooLong):
        swallow_one()
    assert time.monotonic() - start < 5


def test_work_is_counted_or_waiting() -> None:
    def rest_and_work() -> None:
        time.sleep(0.5)
        spin(time.process_time)

    start = time.process_time()
    with pytest.raises(TooLong), at_most(0.3, TooLong, of_processor=True):
        rest_and_work()
    assert 0.25 < time.process_time() - start < 30


def test_an_import_is_not_left_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "slowly.py").write_text("import time\ntime.sleep(0.3)\nend = time.monotonic()\n")
    monkeypatch.syspath_prepend(tmp_path)

    def imports_and_goes_on() -> None:
        import_module("slowly")
        spin()

    with pytest.raises(TooLong), at_most(0.1, TooLong):
        imports_and_goes_on()
    assert sys.modules.pop("slowly").end > 0


class Watched(DynamicVariable[Any]):
    """Hypothesis' note of the test that it is in, with a signal when the test is entered and left."""

    @contextmanager
    def with_value(self, value: Any) -> Iterator[None]:
        before = self.value
        self.data.value = value
        signal.raise_signal(signal.SIGALRM)
        yield
        signal.raise_signal(signal.SIGALRM)
        self.data.value = before


def test_hypothesis_is_not_interrupted_on_its_way_into_or_out_of_a_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hypothesis.control, "_current_build_context", Watched(None))
    drawn = []

    @hypothesis.settings(max_examples=3, database=None, suppress_health_check=list(HealthCheck))
    @given(st.integers())
    def collect(value: int) -> None:
        drawn.append(value)

    with at_most(60, TooLong):
        collect()
    assert drawn
    assert not hypothesis.currently_in_test_context()


def test_an_endless_draw_leaves_hypothesis_as_it_was() -> None:
    @hypothesis.settings(database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.integers().map(lambda _: spin()))
    def collect(value: None) -> None:
        pass

    with pytest.raises(TooLong), at_most(AGAIN / 2, TooLong):
        collect()
    assert not hypothesis.currently_in_test_context()


def test_the_limit_around_another_one_is_kept() -> None:
    start = time.monotonic()
    with pytest.raises(TooLong), at_most(0.1, TooLong), at_most(30, TimeoutError):
        spin()
    assert time.monotonic() - start < 5


def test_a_timer_of_somebody_else_ends_no_limit() -> None:
    """A profiler's ticks come sooner than any limit, and raise nothing."""
    before = signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
    try:
        with pytest.raises(TooLong), at_most(0.2, TooLong):
            spin(seconds=5)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def remove() -> None:
    spin()


def test_only_callbacks_of_the_collector_are_let_finish() -> None:
    start = time.monotonic()
    with pytest.raises(TooLong), at_most(0.1, TooLong):
        remove()
    assert time.monotonic() - start < 5


def test_a_thread_without_signals_is_interrupted_too() -> None:
    found = []

    def work() -> None:
        start = time.monotonic()
        try:
            with at_most(0.1, TooLong):
                spin()
        except TooLong:
            found.append(time.monotonic() - start)

    thread = Thread(target=work)
    thread.start()
    thread.join()
    assert 0.1 <= found[0] < 5


def test_a_late_signal_leaves_the_handler_and_the_timer_that_were_set_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal on the way out is no interruption any more."""
    real, before = signal.setitimer, signal.getsignal(signal.SIGALRM)

    def late(timer: int, seconds: float, again: float = 0.0) -> tuple[float, float]:
        if seconds == 0:
            signal.raise_signal(signal.SIGALRM)
        return real(timer, seconds, again)

    monkeypatch.setattr(signal, "setitimer", late)
    with at_most(60, KeyError):
        inside = signal.getsignal(signal.SIGALRM)
        with at_most(30, TooLong):
            pass
        assert signal.getsignal(signal.SIGALRM) is inside
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 50
    assert signal.getsignal(signal.SIGALRM) is before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_ends_after_what_must_not_be_left_half_made(number: int) -> None:
    done, before = [], signal.signal(number, signal.default_int_handler)

    def work() -> None:
        with held():
            signal.raise_signal(number)
            done.append("the rest")

    try:
        with pytest.raises(KeyboardInterrupt):
            work()
        assert done == ["the rest"]
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)
