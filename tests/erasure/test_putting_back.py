"""A row that is put back may point to what the backup does not know."""

from __future__ import annotations

from sqlalchemy.orm import Session

from portal import clock
from portal.audit.ledger import values_of
from portal.erasure.putting_back import known_columns, put
from portal.tables import Recipient, Store


def test_a_store_comes_back_with_its_holder_where_that_is_known(session: Session) -> None:
    holder = Recipient(name="Holder", contact="By post")
    session.add(holder)
    session.flush()
    for name, holder_id, expected in (("known", holder.id, holder.id), ("newer", "0" * 32, None), ("own", None, None)):
        store = Store(
            name=name, kind="folder", settings={}, despite="", may_erase=False, holder_id=holder_id,
            created_at=clock.now(), id=name.rjust(32, "0"),
        )  # fmt: skip
        _, values = values_of(store)
        put(session, Store, ("id",), known_columns(Store, values), replace=False)
        back = session.get_one(Store, store.id)
        assert (back.name, back.holder_id) == (name, expected)
        put(session, Store, ("id",), {**values, "name": "another"}, replace=False)
        session.refresh(back)
        assert back.name == name, "what is there stays"
