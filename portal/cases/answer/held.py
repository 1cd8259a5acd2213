"""What is held about a person: every photograph that people confirmed, with where it came from and where it went.

Face templates are described, never given: a template is as good as a face (California 11 CCR 7024(d)).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import lineage
from portal.db import config_of
from portal.languages import gettext as _
from portal.languages import isolated, mark, ngettext
from portal.lineage import Reached, Trace
from portal.matching import coverage_words
from portal.tables import Candidate, Case, Encoder, Face, Image, ManifestEntry, Search, Store, Template

NO_GUARANTEE = mark(
    "This is not a guarantee: the comparison can miss pictures. You can ask again or send another photo."
)
KINDS = ("sources", "datasets", "models", "outputs", "products", "recipients")


@dataclass(frozen=True)
class Described:
    """Templates of one encoder, described: how many sets of numbers, of how many numbers each."""

    encoder: str
    version: str
    numbers: int
    count: int

    @property
    def sentence(self) -> str:
        """Particular enough for the law: how many, of which kind, made how, from what."""
        return ngettext(
            "%(num)s set of %(numbers)s numbers, made from your face in this photograph with %(encoder)s",
            "%(num)s sets of %(numbers)s numbers, made from your face in this photograph with %(encoder)s",
            self.count,
            numbers=self.numbers,
            encoder=isolated(f"{self.encoder} {self.version}"),
        )


@dataclass(frozen=True)
class Held:
    """One confirmed photograph. `number` is its place in the answer, from 1."""

    number: int
    image_id: int
    state: str
    store: str
    first_seen: date
    size: int | None
    width: int | None
    height: int | None
    digest: str | None
    manifest: dict[str, Any]
    templates: list[Described]
    sources: list[Reached]
    datasets: list[Reached]
    models: list[Reached]
    outputs: list[Reached]
    products: list[Reached]
    recipients: list[Reached]

    def as_facts(self) -> dict[str, Any]:
        """Plain JSON values, for the machine-readable part of an answer."""
        facts = asdict(self)
        facts.pop("image_id")
        facts["first_seen"] = self.first_seen.isoformat()
        facts["templates"] = [asdict(each) | {"described": each.sentence} for each in self.templates]
        return facts


@dataclass(frozen=True)
class Covering:
    """What became of the photographs of one store, or of all together: a line for each kind."""

    name: str
    lines: list[str]


@dataclass(frozen=True)
class Covered:
    """What was searched for a case and what was not: in short, and by store."""

    sentence: str
    parts: list[Covering]


def photographs(session: Session, case: Case) -> list[Held]:
    """All photographs that people confirmed for this case, by their numbers."""
    candidates = confirmed(session, case)
    traces = lineage.traces(session, [each.image_id for each in candidates.values()])
    return [_held(session, number, each, traces[each.image_id]) for number, each in candidates.items()]


def confirmed(session: Session, case: Case) -> dict[int, Candidate]:
    """What people confirmed for this case, by number: in the order in which it came into the collections."""
    found = select(Candidate).where(Candidate.case_id == case.id, Candidate.state == "confirmed")
    return dict(enumerate(session.scalars(found.order_by(Candidate.image_id)), 1))


def unsure(session: Session, case: Case) -> int:
    """How many photographs people looked at and could not tell."""
    states = session.scalars(select(Candidate.state).where(Candidate.case_id == case.id))
    return sum(state == "unsure" for state in states)


def found(session: Session, case: Case, count: int) -> str:
    """How many photographs people agreed on, and about how many they could not tell; empty for none."""
    said = []
    if count and config_of(session).two_people:
        said.append(
            ngettext(
                "We found %(num)s photograph that two people agreed look like you.",
                "We found %(num)s photographs that two people agreed look like you.",
                count,
            )
        )
    elif count:
        said.append(
            ngettext(
                "We found %(num)s photograph that a person found to look like you.",
                "We found %(num)s photographs that a person found to look like you.",
                count,
            )
        )
    left = unsure(session, case)
    if left:
        said.append(
            ngettext(
                "There is %(num)s photograph where people could not tell if it shows you.",
                "There are %(num)s photographs where people could not tell if they show you.",
                left,
            )
        )
        said.append(
            _(
                "We leave such photographs as they are, because they may show somebody else. "
                "You can send another photo or write to us."
            )
        )
    return " ".join(said)


def is_picked(session: Session, case: Case, kind: str) -> bool:
    """True where the person picked photographs of their answer for a deletion or an opt-out, and not all."""
    picked = select(Candidate.id).where(Candidate.case_id == case.id, Candidate.wish == kind)
    return session.scalar(picked.limit(1)) is not None


def _held(session: Session, number: int, candidate: Candidate, trace: Trace) -> Held:
    image = candidate.image
    return Held(
        number=number,
        image_id=image.id,
        state=image.state,
        store=session.get_one(Store, image.store_id).name,
        first_seen=image.first_seen_at.date(),
        size=image.size,
        width=image.width,
        height=image.height,
        digest=image.digest.hex() if image.digest else None,
        manifest=_manifest(session, image),
        templates=_templates(session, face_of(session, candidate)),
        sources=trace.sources,
        datasets=trace.datasets,
        models=trace.models,
        outputs=trace.outputs,
        products=trace.products,
        recipients=trace.recipients,
    )


def face_of(session: Session, candidate: Candidate) -> Face | None:
    """The person's face in a confirmed image: the one compared, or the only one; None once it was taken out."""
    if candidate.remedied_at is not None:
        return None
    if candidate.face_id is not None:
        return session.get(Face, candidate.face_id)
    faces = faces_of(session, candidate.image)
    return faces[0] if len(faces) == 1 else None


def faces_of(session: Session, image: Image) -> list[Face]:
    return list(session.scalars(select(Face).where(Face.image_id == image.id).order_by(Face.id)))


def _templates(session: Session, face: Face | None) -> list[Described]:
    if face is None:
        return []
    # Only the encoder's columns are read: the template itself never enters this process.
    rows = session.execute(
        select(Encoder.name, Encoder.version, Encoder.dimensions)
        .join(Template, Template.encoder_id == Encoder.id)
        .where(Template.face_id == face.id)
        .order_by(Encoder.id)
    ).all()
    return [Described(name, version, dimensions, 1) for name, version, dimensions in rows]


def _manifest(session: Session, image: Image) -> dict[str, Any]:
    entry = session.scalar(
        select(ManifestEntry).where(ManifestEntry.store_id == image.store_id, ManifestEntry.key == image.key)
    )
    if entry is None:
        return {}
    facts = {"account": entry.account, "source_url": entry.source_url, "taken_at": entry.taken_at, **entry.attributes}
    return {name: value for name, value in facts.items() if value not in (None, "")}


def covered(session: Session, case: Case) -> Covered:
    """What the last search looked at, store by store, and that it can miss pictures: never "we hold nothing"."""
    search = session.scalar(
        select(Search)
        .where(Search.case_id == case.id, Search.finished_at.is_not(None))
        .order_by(Search.finished_at.desc())
        .limit(1)
    )
    report: coverage_words.Report = (search.coverage or {}) if search is not None else {}
    parts = (
        [Covering(_("All stores together"), coverage_words.lines(coverage_words.totals(report)))]
        if len(report) > 1
        else []
    )
    parts += [Covering(store, coverage_words.lines(kinds)) for store, kinds in sorted(report.items())]
    return Covered(f"{coverage_words.summary(report)} {_(NO_GUARANTEE)}", parts)
