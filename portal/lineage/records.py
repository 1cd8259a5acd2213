"""Writing down where photographs came from and where they went. What is written here decides what a trace reaches."""

from __future__ import annotations

import re
from datetime import date
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, clock
from portal.db import config_of
from portal.errors import BadInput, Conflict, NotFound
from portal.lineage.derivations import stores_of
from portal.lineage.versions import find_version
from portal.stores import grounds
from portal.tables import Base, Dataset, Disclosure, Product, Recipient, Source, TrainedModel, TrainingUse
from portal.tables.lineage import CONSENTED, MAY_SHARE

Row = TypeVar("Row", bound=Base)

# The first photograph of a person was made in 1838.
EARLIEST = date(1838, 1, 1)
SHA256 = re.compile(r"[0-9a-f]{64}")
LENGTHS = {
    "name": 200,
    "version": 60,
    "from whom": 300,
    "contact": 300,
    "country": 60,
    "digest": 200,
    "licence": 500,
    "url": 2000,
    "run": 200,
}
LONGEST = 5000
GROUND = ("consented", "may_share")
NEEDED = ("from_whom", "terms", "consent")
CHANGEABLE = (*GROUND, *NEEDED, "consent_scope", "right_to_share", "interest")


def add_source(
    session: Session,
    name: str,
    from_whom: str,
    received_on: date,
    terms: str,
    consent: str,
    right_to_share: str = "",
    consented: str = "unknown",
    consent_scope: str = "",
    may_share: str = "unknown",
    interest: str = "",
) -> Source:
    """Where a collection came from, under what terms and consent. Raises BadInput, Conflict (the name is taken).

    `consented`: did the people in them agree; `may_share`: had the giver the right. Rules go by these two.
    `interest` is what the giver had in the taker, such as shares: the reason why a gift may not be one.
    """
    source = Source(
        name=checked_text("name", name),
        from_whom=checked_text("from whom", from_whom),
        received_on=checked_past(session, "received on", received_on),
        terms=checked_text("terms", terms),
        consent=checked_text("consent", consent),
        right_to_share=_text("right to share", right_to_share),
        consented=consented,
        consent_scope=_text("what they agreed to", consent_scope),
        may_share=may_share,
        interest=_text("interest", interest),
    )
    _check_ground(source)
    _refuse_second(session, Source, "source", name=source.name)
    return _added(session, source)


def change_source(session: Session, source: Source, **what: str) -> Source:
    """Write down what became known of a source later, such as a consent. `what` names columns of text.

    The log keeps what the rules go by, before and after. Raises BadInput.
    """
    before = {name: getattr(source, name) for name in GROUND}
    for name, value in what.items():
        if name not in CHANGEABLE:
            raise BadInput(f"The field '{name}' of a source cannot be changed.")
        field = name.replace("_", " ")
        setattr(source, name, checked_text(field, value) if name in NEEDED else _text(field, value))
    _check_ground(source)
    session.flush()
    after = {name: getattr(source, name) for name in GROUND}
    audit.append(session, "source-changed", {"source": source.id, "before": before, "after": after})
    return source


def _check_ground(source: Source) -> None:
    """A ground counts only with the words that say what it is."""
    if source.consented not in CONSENTED or source.may_share not in MAY_SHARE:
        raise BadInput(f"Say of consent one of {', '.join(CONSENTED)}, and of the right one of {', '.join(MAY_SHARE)}.")
    if source.consented in ("yes", "some") and not source.consent_scope:
        raise BadInput("Say what the people agreed to: for which use their photographs were given.")
    if source.may_share == "yes" and not source.right_to_share:
        raise BadInput("Say why the giver had the right to share the photographs.")


def add_dataset(
    session: Session,
    name: str,
    version: str,
    created_on: date,
    description: str = "",
    digest: str = "",
    licence: str = "",
    url: str = "",
) -> Dataset:
    """A named collection at a version. Raises BadInput, Conflict (this version is there already).

    `digest` is what its own system calls this version by, with its kind before a colon: `md5:0cc1...`.
    """
    dataset = Dataset(
        name=checked_text("name", name),
        version=checked_text("version", version),
        created_on=checked_past(session, "created on", created_on),
        description=_text("description", description),
        digest=_text("digest", digest),
        licence=_text("licence", licence),
        url=_text("url", url),
    )
    _refuse_second(session, Dataset, "dataset", name=dataset.name, version=dataset.version)
    return _added(session, dataset)


def add_model(session: Session, name: str, version: str, weights_digest: str = "", purpose: str = "") -> TrainedModel:
    """A model. `weights_digest` is the SHA-256 of its weights, hexadecimal, or empty. Raises BadInput, Conflict."""
    digest = weights_digest.strip().lower()
    if digest and not SHA256.fullmatch(digest):
        raise BadInput("The digest of the weights must be a SHA-256: 64 letters and digits from 0 to 9 and a to f.")
    model = TrainedModel(
        name=checked_text("name", name),
        version=checked_text("version", version),
        weights_digest=digest,
        purpose=_text("purpose", purpose),
    )
    _refuse_second(session, TrainedModel, "model", name=model.name, version=model.version)
    return _added(session, model)


def add_training_use(
    session: Session,
    model: TrainedModel,
    dataset: Dataset,
    trained_on: date,
    in_use_from: date | None = None,
    in_use_to: date | None = None,
    run: str = "",
    despite: str = "",
) -> TrainingUse:
    """That the model was trained on the dataset, on which day, and from when to when it was in use.

    `run` is the id of the training run in its own system. Raises NotAllowed where a source of the dataset has no
    ground, unless `despite` says why it is written down all the same.
    """
    checked_past(session, "trained on", trained_on)
    _in_order("the dataset was created", dataset.created_on, "the model was trained", trained_on)
    if in_use_from is not None:
        checked_past(session, "in use from", in_use_from)
        _in_order("the model was trained", trained_on, "it was first used", in_use_from)
    if in_use_to is not None:
        checked_past(session, "in use to", in_use_to)
        _in_order("it was first used", in_use_from or trained_on, "it was last used", in_use_to)
    _refuse_second(session, TrainingUse, "training use", model_id=model.id, dataset_id=dataset.id)
    grounds.need(session, "training", stores_of(session, dataset), despite)
    use = TrainingUse(
        model_id=model.id,
        dataset_id=dataset.id,
        trained_on=trained_on,
        in_use_from=in_use_from,
        in_use_to=in_use_to,
        run=_text("run", run),
    )
    return _added(session, use)


def add_product(session: Session, name: str, model: TrainedModel, description: str = "") -> Product:
    """What was built on the model. Raises BadInput, Conflict (the name is taken)."""
    product = Product(name=checked_text("name", name), model_id=model.id, description=_text("description", description))
    _refuse_second(session, Product, "product", name=product.name)
    return _added(session, product)


def add_recipient(session: Session, name: str, contact: str, country: str = "") -> Recipient:
    """Who received a dataset or a model, and how to reach them. Raises BadInput, Conflict (the name is taken)."""
    recipient = Recipient(
        name=checked_text("name", name), contact=checked_text("contact", contact), country=_text("country", country)
    )
    _refuse_second(session, Recipient, "recipient", name=recipient.name)
    return _added(session, recipient)


def add_disclosure(
    session: Session,
    recipient: Recipient,
    dataset: Dataset | None,
    model: TrainedModel | None,
    disclosed_on: date,
    basis: str,
    despite: str = "",
) -> Disclosure:
    """That the recipient got the dataset or the model: exactly one of them. Raises BadInput, Conflict (known).

    Raises NotAllowed where a source of the dataset has no ground, unless `despite` says why it is written down.
    """
    if (dataset is None) == (model is None):
        raise BadInput("Say what was passed on: one dataset or one model.")
    checked_past(session, "passed on on", disclosed_on)
    if dataset is not None:
        _in_order("the dataset was created", dataset.created_on, "it was passed on", disclosed_on)
    disclosure = Disclosure(
        recipient_id=recipient.id,
        dataset_id=dataset.id if dataset else None,
        model_id=model.id if model else None,
        disclosed_on=disclosed_on,
        basis=checked_text("basis", basis),
    )
    _refuse_second(
        session,
        Disclosure,
        "disclosure",
        recipient_id=recipient.id,
        dataset_id=disclosure.dataset_id,
        model_id=disclosure.model_id,
        disclosed_on=disclosed_on,
    )
    if dataset is not None:
        grounds.need(session, "passing-on", stores_of(session, dataset), despite)
    return _added(session, disclosure)


def find_source(session: Session, name: str) -> Source:
    return _found(session, Source, "source", name)


def find_dataset(session: Session, name: str, version: str) -> Dataset:
    """The dataset, also by the label of a version that an erasure made: days say which photographs that had."""
    later = find_version(session, name, version)
    return later.dataset if later is not None else _found(session, Dataset, "dataset", name, version)


def find_model(session: Session, name: str, version: str) -> TrainedModel:
    return _found(session, TrainedModel, "model", name, version)


def find_recipient(session: Session, name: str) -> Recipient:
    return _found(session, Recipient, "recipient", name)


def _found(session: Session, table: type[Row], what: str, name: str, version: str | None = None) -> Row:
    wanted = {"name": name} if version is None else {"name": name, "version": version}
    row = session.scalar(select(table).filter_by(**wanted))
    if row is None:
        raise NotFound(f"There is no {what} called {' '.join(wanted.values())}. Add it first.")
    return row


def _added(session: Session, row: Row) -> Row:
    session.add(row)
    session.flush()
    return row


def _refuse_second(session: Session, table: type[Base], what: str, **same: object) -> None:
    if session.scalar(select(table).filter_by(**same).limit(1)) is not None:
        raise Conflict(f"This {what} is written down already.", "known-already")


def checked_text(field: str, text: str) -> str:
    """A text that has to be there, trimmed. Raises BadInput naming the field."""
    if not text.strip():
        raise BadInput(f"The field '{field}' is empty. Please fill it in.")
    return _text(field, text)


def _text(field: str, text: str) -> str:
    text = text.strip()
    longest = LENGTHS.get(field, LONGEST)
    if len(text) > longest:
        raise BadInput(f"The field '{field}' is longer than {longest} characters.")
    if "\0" in text:
        raise BadInput(f"The field '{field}' has a zero byte in it.")
    return text


def checked_past(session: Session, field: str, day: date) -> date:
    """A day on which it can have been. Raises BadInput naming the field."""
    if not EARLIEST <= day <= clock.local_date(clock.now(), config_of(session).zone):
        raise BadInput(f"The day in '{field}' cannot be: {day.isoformat()} is before photography, or still to come.")
    return day


def _in_order(first: str, first_day: date, then: str, then_day: date) -> None:
    if then_day < first_day:
        raise BadInput(f"The days do not fit: {first} on {first_day.isoformat()}, {then} on {then_day.isoformat()}.")
