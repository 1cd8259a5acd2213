"""What models said about people and somebody kept: guesses of age or sex, labels with a name, sets of numbers.

An output is about one photograph, one account, or every photograph of a dataset. Of an account only a keyed digest is
kept: who knows the account finds it, and once the account is forgotten nobody can tell whose it was.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.errors import BadInput, Conflict, NotFound
from portal.keys import keys_of
from portal.languages import gettext as _
from portal.languages import isolated, ngettext
from portal.lineage.members import batches
from portal.lineage.records import checked_past, checked_text
from portal.tables import Dataset, Image, ManifestEntry, Store, StoredOutput, TrainedModel
from portal.tables.lineage import OUTPUT_KINDS

PURPOSE = "stored-output"


@dataclass(frozen=True)
class About:
    """What an output is about: a photograph or an account of `store`, or a dataset. Exactly one is given."""

    store: Store | None = None
    key: str = ""
    account: str = ""
    dataset: Dataset | None = None


def add_output(
    session: Session,
    model: TrainedModel,
    kind: str,
    about: About,
    count: int,
    kept_at: str,
    made_on: date | None = None,
) -> StoredOutput:
    """Write down that outputs of a model are kept. Raises BadInput, NotFound (the photograph), Conflict (known)."""
    if kind not in OUTPUT_KINDS:
        raise BadInput(f"Say what the outputs tell about people: one of {', '.join(OUTPUT_KINDS)}.")
    if count < 1:
        raise BadInput("Say how many outputs are kept: at least one.")
    if made_on is not None:
        checked_past(session, "made on", made_on)
    known = {"model_id": model.id, "kind": kind, "kept_at": checked_text("kept at", kept_at), **_about(session, about)}
    if session.scalar(select(StoredOutput.id).filter_by(**known).limit(1)) is not None:
        raise Conflict("These outputs are written down already.", "known-already")
    output = StoredOutput(count=count, made_on=made_on, **known)
    session.add(output)
    session.flush()
    return output


def _about(session: Session, about: About) -> dict[str, str | int | None]:
    if bool(about.key) + bool(about.account) + (about.dataset is not None) != 1:
        raise BadInput("Say what the outputs are about: one photograph, one account or one dataset.")
    if about.dataset is not None:
        return {"dataset_id": about.dataset.id, "image_id": None, "account": None}
    if about.store is None:
        raise BadInput("Say in which store the photograph or the account is.")
    if about.account:
        digest = _account_digest(session, about.store.id, about.account)
        return {"account": digest, "image_id": None, "dataset_id": None}
    image = session.scalar(select(Image.id).filter_by(store_id=about.store.id, key=about.key))
    if image is None:
        raise NotFound(f"No scan of {about.store.name} has seen a photograph called {about.key!r}.")
    return {"image_id": image, "account": None, "dataset_id": None}


def outputs_about(
    session: Session, image_ids: Collection[int], datasets: Mapping[str, int]
) -> list[tuple[StoredOutput, str]]:
    """The kept outputs about photographs, each with a sentence that says so.

    `datasets`: how many of the photographs each dataset held, by its id; an output about all of it is about them, too.
    """
    found: dict[str, StoredOutput] = {}
    if session.scalar(select(StoredOutput.id).limit(1)) is None:
        return []
    for batch in batches(image_ids):
        own = StoredOutput.image_id.in_(batch) | StoredOutput.account.in_(_accounts(session, batch))
        found |= {one.id: one for one in session.scalars(select(StoredOutput).where(own))}
    of_datasets = select(StoredOutput).where(StoredOutput.dataset_id.in_([one for one in datasets if datasets[one]]))
    found |= {one.id: one for one in session.scalars(of_datasets)}
    ordered = sorted(found.values(), key=lambda one: (one.name, one.id))
    return [(one, _sentence(session, one)) for one in ordered]


def _accounts(session: Session, image_ids: Collection[int]) -> list[str]:
    posted = (ManifestEntry.store_id == Image.store_id) & (ManifestEntry.key == Image.key)
    rows = select(ManifestEntry.store_id, ManifestEntry.account).join(Image, posted).where(Image.id.in_(image_ids))
    return [
        _account_digest(session, store_id, account)
        for store_id, account in session.execute(rows.where(ManifestEntry.account.is_not(None)).distinct())
        if account
    ]


def _account_digest(session: Session, store_id: str, account: str) -> str:
    return keys_of(session).digest(PURPOSE, f"{store_id}/{account.strip()}".encode())


def _sentence(session: Session, output: StoredOutput) -> str:
    said = {
        "model": isolated(f"{output.model.name} {output.model.version}"),
        "kind": _kind(output.kind),
        "where": isolated(output.kept_at),
    }
    if output.dataset_id is not None:
        dataset = session.get_one(Dataset, output.dataset_id)
        return _(
            "Model %(model)s guessed %(kind)s for the photographs of dataset %(dataset)s. "
            "The answers are kept here: %(where)s.",
            dataset=isolated(f"{dataset.name} {dataset.version}"),
            **said,
        )
    return ngettext(
        "Model %(model)s guessed %(kind)s. %(num)s answer is kept here: %(where)s.",
        "Model %(model)s guessed %(kind)s. %(num)s answers are kept here: %(where)s.",
        output.count,
        **said,
    )


def _kind(kind: str) -> str:
    # For translators: each of these is put in after "Model ... guessed".
    return {
        "age": _("an age"),
        "sex": _("a sex"),
        "ethnicity": _("an origin or a skin colour"),
        "identity": _("who somebody is"),
        "emotion": _("a mood"),
        "likeness": _("who looks like whom"),
        "other": _("something else about people"),
    }[kind]
