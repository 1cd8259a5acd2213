"""What was tried with a recipient and what came back, in sentences for staff and for the certificate."""

from __future__ import annotations

from typing import Any

CAME = {
    "taken": "took the notice",
    "redirect": "led elsewhere, and notices are not sent on",
    "error": "answered with an error",
    "too-big": "answered with more than 64 KiB, so the answer was not read",
    "too-slow": "did not answer in time",
    "unreachable": "did not answer",
    "no-such-host": "has a name that leads nowhere",
    "private-address": "leads to an address that is not public, so it was not called",
    "bad-certificate": "has a certificate that does not fit its name",
    "not-https": "is no https address with the usual port",
    "bad-answer": "took the notice, but its answer was not accepted",
}
RESULTS = {
    "erased": "They say that they erased all of it.",
    "nothing-held": "They say that they hold none of it.",
    "partly": "They say that they erased a part of it.",
    "refused": "They refuse.",
    "told": "They were told.",
}


def sentence(fact: dict[str, Any]) -> str:
    """One fact: `2026-11-21: the endpoint vision.example answered with an error (500).`"""
    day = str(fact["at"])[:10]
    if fact["by"] == "mail":
        return f"{day}: a mail was written."
    if fact["by"] == "person":
        return f"{day}: a caseworker had it sent again."
    if fact["by"] == "nothing":
        return f"{day}: there is no mail address and no https endpoint to write to."
    more = f" ({fact['status']})" if fact.get("status") else ""
    said = f" {fact['said']}" if fact.get("said") else ""
    return f"{day}: the endpoint {fact.get('host', '')} {CAME.get(fact['came'], 'did not answer')}{more}.{said}"


def all_sentences(facts: list[dict[str, Any]]) -> str:
    """All that was tried, in order; equal things on one day are said once."""
    return " ".join(dict.fromkeys(sentence(fact) for fact in facts))
