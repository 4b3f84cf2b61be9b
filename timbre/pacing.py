"""How patient a worker is, and those who wait for it. It is light, so that the command line can show these numbers as defaults."""

from dataclasses import dataclass

LEASE_S = 60.0  # that a job is its worker's without a word
POLL_S = 2.0  # between two looks at an empty queue
MARGIN = 1 / 4  # of a lease: a training ends so long before another worker may take it up


@dataclass(frozen=True)
class Pacing:
    """How long things take, in seconds.

    Args:
        lease_s: after so long without a word of its worker another one takes a job up.
        poll_s: between two looks at an empty queue.
        grace_s: for a training to stop by itself.
    """

    lease_s: float = LEASE_S
    poll_s: float = POLL_S
    grace_s: float = 10.0

    @property
    def beat_s(self) -> float:
        return min(5.0, self.lease_s / 6)

    def deadline(self, begun: float) -> float:
        """When the training of a lease that was asked for at `begun` ends without another word."""
        return begun + self.lease_s * (1 - MARGIN)
