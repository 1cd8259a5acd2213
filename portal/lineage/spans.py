"""From when to when: the days on which datasets, models, products and recipients had or used some photographs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from portal.lineage.tracing import Reached, Trace


@dataclass(frozen=True)
class Span:
    """Something that photographs reached, and from which day (ISO) to which. No `until`: to this day.

    Of a dataset it is when they were in it; of a model or a product, from the training that saw them, or from its
    first use where that is known, to its last use; of a recipient, from the first day on which they got them.
    """

    what: str
    id: str
    name: str
    since: str
    until: str | None


def spans_of(found: Trace) -> list[Span]:
    """One line for each dataset, model, product and recipient of a trace, in this order."""
    models = {one.id: _of_model(one.facts) for one in found.models}
    # What was made from another model has no training of its own written down: it is taken to be as old as that.
    known = [span for span in models.values() if span is not None]
    unknown = (min((since for since, _ in known), default=""), None)
    return [
        *(_span("dataset", one, (one.facts["from"], one.facts["to"])) for one in found.datasets),
        *(_span("model", one, models[one.id] or unknown) for one in found.models),
        *(_span("product", one, models[one.facts["model"]] or unknown) for one in found.products),
        *(_span("recipient", one, (_first(one), None)) for one in found.recipients),
    ]


def _span(what: str, one: Reached, days: tuple[str, str | None]) -> Span:
    return Span(what, one.id, one.name, *days)


def _first(recipient: Reached) -> str:
    days: Iterable[str] = (given["disclosed_on"] for given in recipient.facts["disclosures"])
    return min(days)


def _of_model(facts: dict[str, Any]) -> tuple[str, str | None] | None:
    uses = facts["trained"]
    if not uses:
        return None
    ends = [use["in_use_to"] for use in uses]
    since = min(use["in_use_from"] or use["trained_on"] for use in uses)
    return since, None if None in ends else max(ends)
