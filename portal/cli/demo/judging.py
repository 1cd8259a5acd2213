"""Reviewers at work: who knows the people, and how a case is judged until it can be decided."""

from __future__ import annotations

from collections.abc import Sequence

from portal import images
from portal.cli.demo.staff import Caseworker, Judge, Reviewer
from portal.cli.demo.waiting import until


def knows(planted: dict[bytes, bool], opener: images.Opener) -> Judge:
    """A reviewer who knows the people: tells each whole picture by its look. near digest -> shows the subject."""

    def judge(jpeg: bytes) -> str:
        digest = images.near_digest(opener.open(jpeg).pixels)
        nearest = min(planted, key=lambda known: images.near_distance(known, digest))
        return "same" if planted[nearest] else "different"

    return judge


def judge_until_decided(
    reviewers: Sequence[Reviewer], caseworker: Caseworker, case: str, judge: Judge, seconds: float = 60
) -> list[int]:
    """All pairs by each reviewer, also those that a second search finds with what was confirmed.

    Returns how many each has judged.
    """
    judged = [0] * len(reviewers)
    while not caseworker.may_decide(case):
        for at, reviewer in enumerate(reviewers):
            judged[at] += reviewer.judges_all(judge)
        until(lambda: reviewers[0].waits() or caseworker.may_decide(case), seconds, "the search")
    return judged
