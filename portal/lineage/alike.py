"""The paths of many photographs, each told by itself. Those that went the same way are followed once."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.lineage.members import batches, stays_by_image
from portal.lineage.outputs import outputs_about
from portal.lineage.tracing import Trace, trace
from portal.tables import Image


def traces(session: Session, image_ids: Collection[int]) -> dict[int, Trace]:
    """What `trace` says of each photograph alone, by its id.

    It is the same for all of one store that were in the same datasets on the same days, unless a model said something
    about one of them or its account.
    """
    stays = stays_by_image(session, image_ids)
    found: dict[tuple[object, ...], Trace] = {}
    traced: dict[int, Trace] = {}
    for batch in batches(image_ids):
        for image_id, store_id in session.execute(select(Image.id, Image.store_id).where(Image.id.in_(batch))):
            own = frozenset(output.id for output, _sentence in outputs_about(session, [image_id], {}))
            way = (store_id, frozenset(stays[image_id]), own)
            if way not in found:
                found[way] = trace(session, [image_id])
            traced[image_id] = found[way]
    return traced
