"""The access package: a ZIP that opens offline, with every photograph, other people covered, and what is known of it.

Three steps, so that no lock is held while pictures are opened: `gather` reads, `build` works on plain values,
`record` writes. No template is in any of them.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from io import BytesIO
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, blobs, clock, images, stores
from portal.cases import lifecycle, mails, messages
from portal.cases.acting import mandates
from portal.cases.answer import disclosing, held, package_page
from portal.cases.answer.held import Covered, Held
from portal.cases.messages import Written
from portal.db import config_of
from portal.errors import BadInput, BadPicture, EffaceError, NotFound, ObjectUnreadable, TooLarge
from portal.images import Box, Opener
from portal.languages import gettext as _
from portal.languages import isolated, mark, speaking
from portal.tables import Candidate, Case, Package, Store

NO_READ = mark("This photograph could not be read when the package was made, so it is only listed.")
NO_LOOK = mark(
    "Nobody could look for other people's faces in this photograph, so it is only listed. "
    "Tell us if you want it: a person will prepare it."
)
ALL_COVERED = mark(
    "There are several people in this photograph. We do not know which face is yours. So all faces are covered."
)
OTHERS_COVERED = mark("Other people's faces are covered.")


@dataclass(frozen=True)
class Photograph:
    """One photograph of a package: what is held, where it lies, which faces to cover, and what to say about that."""

    held: Held
    store_id: str
    key: str
    covered: list[Box]
    note: str | None
    withheld: str | None
    jpeg: bytes | None = None


@dataclass(frozen=True)
class Contents:
    """All that goes into a package."""

    reference: str
    language: str
    organisation: str
    made_on: date
    templates: str
    coverage: Covered
    photographs: list[Photograph]
    messages: list[Written]


@dataclass(frozen=True)
class Built:
    """A package that is made: the ZIP, how many photographs are in it, and how many could only be listed."""

    data: bytes
    photographs: int
    listed: int


def gather(session: Session, case: Case) -> Contents:
    """Everything from the database that a package needs, in the language of the case. Reads only."""
    with speaking(case.language):
        return _gather(session, case)


def _gather(session: Session, case: Case) -> Contents:
    config = config_of(session)
    confirmed = {
        candidate.image_id: candidate
        for candidate in session.scalars(
            select(Candidate).where(Candidate.case_id == case.id, Candidate.state == "confirmed")
        )
    }
    shown = disclosing.photographs(session, case)
    photographs = [_photograph(session, confirmed[each.image_id], each) for each in shown]
    return Contents(
        reference=case.reference,
        language=case.language,
        organisation=config.organisation,
        made_on=clock.local_date(clock.now(), config.zone),
        templates=disclosing.about_templates(case),
        coverage=held.covered(session, case),
        photographs=photographs,
        messages=messages.of_case(session, case, _thread(session, case)),
    )


def _thread(session: Session, case: Case) -> bool | None:
    """Where the copy goes to the one who acts, only what was written with them; to the person goes all about them."""
    mandate = mandates.of_case(session, case)
    return None if mandate is None or mandates.rule_of(mandate).answer_to == "person" else False


def _photograph(session: Session, candidate: Candidate, facts: Held) -> Photograph:
    image = candidate.image
    own = held.face_of(session, candidate)
    others = [face.box for face in held.faces_of(session, image) if own is None or face.id != own.id]
    withheld = None
    if image.state != "live":
        withheld = _(NO_READ)
    elif own is None and not others and image.coverage != "faceless":
        withheld = _(NO_LOOK)
    note = None
    if others:
        note = _(OTHERS_COVERED if own is not None else ALL_COVERED)
    return Photograph(facts, image.store_id, image.key, others, note, withheld)


def build(contents: Contents, read: Callable[[str, str], bytes]) -> Built:
    """Make the ZIP. `read(store id, key)` gives the original bytes. Slow: hold no session.

    A photograph that cannot be read is listed as such. When a store is away (StoreUnavailable), the error goes up:
    the package is made later, and not without its photographs.
    """
    with speaking(contents.language):
        with Opener() as opener:
            photographs = [_with_picture(each, read, opener) for each in contents.photographs]
        data = _zipped(replace(contents, photographs=photographs))
    inside = sum(each.jpeg is not None for each in photographs)
    return Built(data, inside, len(photographs) - inside)


def reader_of(session: Session, contents: Contents) -> Callable[[str, str], bytes]:
    """Reads originals from the stores of a package; needs no session any more. What it gives is for `build`."""
    connectors = {store.id: stores.connect(store) for store in stores_of(session, contents).values()}

    def read(store_id: str, key: str) -> bytes:
        try:
            return connectors[store_id].open(key)
        except (NotFound, TooLarge, BadInput, ObjectUnreadable) as problem:
            raise Unreadable(problem.sentence) from problem

    return read


def look_at(contents: Contents, number: int, read: Callable[[str, str], bytes]) -> Photograph:
    """One photograph as the package will have it, others' faces covered. Slow: hold no session. Raises NotFound."""
    for photograph in contents.photographs:
        if photograph.held.number == number:
            with speaking(contents.language), Opener() as opener:
                return _with_picture(photograph, read, opener)
    raise NotFound("There is no such photograph in this copy.")


def _with_picture(photograph: Photograph, read: Callable[[str, str], bytes], opener: Opener) -> Photograph:
    if photograph.withheld is not None:
        return photograph
    try:
        data = read(photograph.store_id, photograph.key)
        pixels = opener.open(data).pixels
    except (Unreadable, BadPicture):
        return replace(photograph, withheld=_(NO_READ))
    return replace(photograph, jpeg=images.to_jpeg(images.mask(pixels, photograph.covered)))


class Unreadable(EffaceError):
    """One object of a store cannot be read; the store itself is there."""

    code = "unreadable"


def _zipped(contents: Contents) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in _files(contents).items():
            info = zipfile.ZipInfo(name, (contents.made_on.year, contents.made_on.month, contents.made_on.day, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o600 << 16
            archive.writestr(info, data)
    return out.getvalue()


def _files(contents: Contents) -> dict[str, bytes]:
    facts = as_facts(contents)
    files = {
        "README.txt": _readme(contents).encode(),
        "index.html": package_page.as_page(facts).encode(),
        "data.json": json.dumps(facts, indent=2, ensure_ascii=False, sort_keys=True).encode(),
    }
    for each in contents.photographs:
        if each.jpeg is not None:
            files[_name(each)] = each.jpeg
    return files


def as_facts(contents: Contents) -> dict[str, Any]:
    """What a package says, as plain JSON values. The page and `data.json` are both made from it."""
    return {
        "format": "efface-package/1",
        "reference": contents.reference,
        "language": contents.language,
        "organisation": contents.organisation,
        "made_on": contents.made_on.isoformat(),
        "coverage": contents.coverage.sentence,
        "coverage_of_stores": {part.name: part.lines for part in contents.coverage.parts},
        "templates": contents.templates,
        "photographs": [
            each.held.as_facts()
            | {"file": _name(each) if each.jpeg is not None else None, "note": each.withheld or each.note}
            for each in contents.photographs
        ],
        "messages": [
            {
                "from": contents.organisation if each.account_id else _("you"),
                "at": each.at.isoformat(timespec="minutes"),
                "text": each.text,
            }
            for each in contents.messages
        ],
    }


def _name(photograph: Photograph) -> str:
    return f"photographs/{photograph.held.number:03}.jpg"


def record(session: Session, package: Package, built: Built) -> None:
    """Keep the ZIP, sealed, for a few days; tell the person; settle the rights it answers."""
    case = session.get_one(Case, package.case_id)
    package.ready_at = clock.now()
    package.expires_at = _expiry(session)
    blobs.purge_blob(session, package.blob_id)
    package.blob_id = blobs.put_blob(session, "package", built.data, "application/zip", package.expires_at).id
    package.photographs = built.photographs
    facts = {"photographs": built.photographs, "listed": built.listed}
    lifecycle.record(session, case, "package-ready", "machine", **facts)
    audit.append(session, "package-ready", {"case": case.id, **facts})
    for right in lifecycle.open_rights(session, case):
        if right.right in {"access", "copy"} and right.decision == "grant":
            lifecycle.settle_right(session, right, "partly-fulfilled" if built.listed else "fulfilled")
    lifecycle.fulfil_step(session, case)
    if case.state != "closed":
        # Closing a case sends its own mail; here a deletion is still going on.
        mails.queue_news(session, case)


def _expiry(session: Session) -> datetime:
    return clock.now() + timedelta(days=config_of(session).package_days)


def stores_of(session: Session, contents: Contents) -> dict[str, Store]:
    """The stores that the photographs lie in."""
    ids = {each.store_id for each in contents.photographs}
    return {store.id: store for store in session.scalars(select(Store).where(Store.id.in_(ids)))}


def _readme(contents: Contents) -> str:
    return _(
        "What %(organisation)s holds about you (request %(reference)s)\n\n"
        "Open index.html with any browser. It works without the internet.\n"
        'data.json has the same content for programs. The pictures are in the folder "photographs".\n'
        "Other people's faces are covered. Keep this folder in a safe place: it is about you.\n",
        organisation=isolated(contents.organisation),
        reference=isolated(contents.reference),
    )
