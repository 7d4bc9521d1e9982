"""Which expired leases a worker may take over: those whose owners could have settled them, and did not; pure."""

from __future__ import annotations

from collections import deque

GRACE = 10.0  # seconds in which the store answers after a lease expired, before another worker takes it over
COUNTED = 1.0  # seconds that pass at most between two answers, for the time in which the store answers
SAMPLE = 0.5  # seconds between two remembered answers


class AbandonedLeases:
    """Measures how long the store has answered, as one worker sees it, beside the store's own time.

    An outage holds up all workers alike: leases expire, and their owners settle what they have sent once the store is
    back. So a lease is abandoned only when the store has answered for GRACE since it expired. An outage, or a query
    that hangs, counts for no more than COUNTED.
    """

    def __init__(self) -> None:
        """Nothing was answered yet."""
        self._answered, self._last = 0.0, None  # type: float, float | None
        self._answers: deque[tuple[float, int]] = deque()  # how long it had answered by then, and the store's time

    def answered(self, now: int, at: float) -> None:
        """Record that the store answered with its time `now` (milliseconds), at `at` of this process's uptime."""
        if self._last is not None:
            self._answered += min(at - self._last, COUNTED)
        self._last = at
        if not self._answers or self._answered - self._answers[-1][0] >= SAMPLE:
            self._answers.append((self._answered, now))
        while len(self._answers) > 1 and self._is_old(1):
            self._answers.popleft()

    @property
    def before(self) -> int:
        """The store's time before which leases must have expired to be abandoned; 0 until that is known."""
        return self._answers[0][1] if self._answers and self._is_old(0) else 0

    def _is_old(self, index: int) -> bool:
        return self._answers[index][0] <= self._answered - GRACE
