"""The rule by which a long job pauses, between two of its steps, for a shorter one that waits.

Both want the same device, so the shorter one runs alone, to its end, while the long one keeps its memory.
At most one job of a queue is paused at a time: the memory is never more than that of two jobs.
"""

from __future__ import annotations

import math

# Of the time that a running job has left: the most that a job may expect to take for which it pauses.
SHORTER_SHARE = 1 / 3
# Of the time that a job takes alone: the most that it may be paused. It ends within twice that time, however
# many shorter jobs come.
MOST_PAUSED_SHARE = 1.0


def may_pause(*, other_s: float, own_s: float, share_left: float, paused_s: float) -> bool:
    """Whether a running job pauses for a waiting one.

    Both times are those expected when the jobs came, so that a machine that is slower now slows both; a job
    that expects none (infinity) never pauses, and no other pauses for it.

    Args:
        other_s: Seconds that the waiting job takes.
        own_s: Seconds that the running job takes in all.
        share_left: Part of its work that is left, 0 to 1.
        paused_s: Seconds that it has been paused.
    """
    is_shorter = math.isfinite(own_s) and other_s <= SHORTER_SHARE * share_left * own_s
    return is_shorter and paused_s + other_s <= MOST_PAUSED_SHARE * own_s
