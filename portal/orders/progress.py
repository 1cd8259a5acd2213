"""How far an order is: photographs, rate and time left of the phase it is in. All from its own row."""

from __future__ import annotations

from dataclasses import dataclass

from portal.tables import Order

WORDS = {
    "planning": "The plan is being made",
    "planned": "Waits for two approvals",
    "cooling": "Approved. It has not begun",
    "running": "Being carried out",
    "checking": "Being looked for again",
    "notifying": "Waits for answers about models, products and recipients",
    "settled": "Done. The statement is issued",
    "cancelled": "Cancelled before it began",
    "stopped": "Stopped before it began. It must be planned again",
}
MOVING = ("planning", "running", "checking")


@dataclass(frozen=True)
class Progress:
    """`fraction` is from 0 to 1, None where it cannot be said. `done` and `of` are photographs of this phase.

    `problem` is the sentence of the last failure; `stuck` says that it will not be tried again by itself.
    """

    state: str
    paused: bool
    done: int
    of: int | None
    fraction: float | None
    per_second: float | None
    seconds_left: float | None
    problem: str | None
    stuck: bool


def progress(order: Order) -> Progress:
    done, of = _counted(order)
    rate = done / order.working_seconds if done and order.working_seconds > 0 and order.state in MOVING else None
    left = (of - done) / rate if rate and of is not None else None
    return Progress(
        state=order.state,
        paused=order.paused,
        done=done,
        of=of,
        fraction=_fraction(order, done, of),
        per_second=rate,
        seconds_left=left,
        problem=order.problem or order.why_stopped,
        stuck=order.work_state == "failed",
    )


def _counted(order: Order) -> tuple[int, int | None]:
    if order.state == "planning":
        # How many there will be is known when the plan is whole.
        return order.images, None
    return (order.checked if order.state == "checking" else order.done), order.images


def _fraction(order: Order, done: int, of: int | None) -> float | None:
    if of is None:
        return None
    return 1.0 if order.state in ("notifying", "settled") or not of else min(1.0, done / of)
