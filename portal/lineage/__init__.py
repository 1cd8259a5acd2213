"""Where photographs came from and where they went: sources, datasets, models, products and recipients."""

from portal.lineage.alike import traces
from portal.lineage.chunks import BrokenMembers
from portal.lineage.members import (
    count_in,
    ever_in,
    members_of,
    places_of,
    put_in_dataset,
    sizes,
    stays_of,
    take_out,
    write_places,
)
from portal.lineage.spans import Span, spans_of
from portal.lineage.tracing import Reached, Trace, trace
from portal.lineage.versions import settle_versions, versions_of

__all__ = [
    "BrokenMembers",
    "Reached",
    "Span",
    "Trace",
    "count_in",
    "ever_in",
    "members_of",
    "places_of",
    "put_in_dataset",
    "settle_versions",
    "sizes",
    "spans_of",
    "stays_of",
    "take_out",
    "trace",
    "traces",
    "versions_of",
    "write_places",
]
