"""Turns what a person sent into candidates: faces within the threshold, joined with every other evidence.

The probe's template lives in this process only, for as long as this job runs.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, blobs, clock, images, stores
from portal.cases import lifecycle
from portal.cases.requester import alarms
from portal.db import Database
from portal.errors import BadPicture, NotFound, ObjectUnreadable, TooLarge
from portal.jobs import Lease
from portal.matching import evidence, finding, grouping
from portal.matching.coverage import coverage
from portal.matching.coverage_words import Report
from portal.matching.evidence import Suspicion
from portal.matching.finding import Hit
from portal.matching.fusion import Asked
from portal.matching.gallery import load_gallery
from portal.matching.thresholds import Thresholds, thresholds_now
from portal.tables import Candidate, Case, Encoder, Face, Image, Probe, Search, Store
from workers import comparing, cropping
from workers import encoder as encoders

STILL_CHECKING = timedelta(seconds=3)


@dataclass(frozen=True)
class Result:
    """What one search saw, before it is written down."""

    encoder: str
    limits: Thresholds
    gallery_size: int
    coverage: Report
    suspicions: list[Suspicion]
    alike: dict[str, bool]


def work(lease: Lease) -> None:
    """Carry out one search and move its case on."""
    database = lease.database
    with database.writing() as session:
        lease.hold(session)
        search = session.get_one(Search, lease.row_id)
        case_id = search.case_id
        if _still_checking(session, case_id):
            lease.again(session, STILL_CHECKING)
            return
    result = find_people(database, case_id)
    crops = cut_crops(database, result.suspicions)
    with database.reading() as session:
        together = grouping.chains(session, {one.image_id: one.evidence for one in result.suspicions})
    with database.writing() as session:
        lease.hold(session)
        if _encoder_is_retired(session, result.encoder):
            lease.again(session, timedelta(0))
            return
        _record(session, session.get_one(Search, lease.row_id), result, crops, together)
        lease.done(session)


def find_people(database: Database, case_id: str) -> Result:
    """Every image that something points to, in all stores."""
    encoder = encoders.load_encoders(database)[0]
    with database.reading() as session:
        faces = comparing.faces_of(session, session.get_one(Case, case_id), encoder)
    # Encoding takes its time. What was committed meanwhile is searched, too.
    with closing(load_gallery(database, encoder.name, encoder.version)) as gallery:
        size = len(gallery)
        with database.reading() as session:
            row = session.scalar(select(Encoder).filter_by(name=encoder.name, version=encoder.version))
            limits = thresholds_now(session, row, size)
            asked = _asked(session, case_id, row, faces) if row and faces else None
        found: list[tuple[Hit, str]] = []
        if row and asked:
            found = [(hit, faces[hit.probe][0]) for hit in finding.find(database, gallery, row, asked, limits)]
    templates = [template for _, template in faces]
    alike = comparing.compare(database, case_id, encoder, templates, limits.face)
    with database.reading() as session:
        return Result(
            encoder=f"{encoder.name} {encoder.version}",
            limits=limits,
            gallery_size=size,
            coverage=coverage(session, row.id if row else None),
            suspicions=evidence.gather(session, session.get_one(Case, case_id), found),
            alike=alike,
        )


def _asked(session: Session, case_id: str, encoder: Encoder, faces: list[tuple[str, np.ndarray]]) -> Asked:
    probes = np.stack([template for _, template in faces])
    return Asked(probes, finding.confirmed_faces(session, case_id, encoder, probes.shape[1]))


def cut_crops(database: Database, suspicions: list[Suspicion]) -> dict[int, bytes]:
    """What reviewers will see of each image: the face, or without one the whole picture. image id -> JPEG."""
    crops: dict[int, bytes] = {}
    finder = encoders.load_encoders(database)[0]
    with images.Opener() as opener:
        for suspicion in suspicions:
            with database.reading() as session:
                image = session.get_one(Image, suspicion.image_id)
                store = session.get_one(Store, image.store_id)
                face = session.get(Face, suspicion.face_id) if suspicion.face_id else _only_face(session, image)
            try:
                pixels = opener.open(stores.connect(store).open(image.key)).pixels
            except (BadPicture, NotFound, TooLarge, ObjectUnreadable):
                # It was there when it was scanned; without a picture nobody can judge it: no candidate. One bad file
                # must not hold up the person's case.
                continue
            if face is not None:
                suspicion.face_id = face.id
                crops[image.id] = cropping.crop(finder, pixels, face.box)
            else:
                crops[image.id] = images.to_jpeg(pixels, longest=960)
    return crops


def _encoder_is_retired(session: Session, named: str) -> bool:
    """Another encoder took over while this one was searched: its gallery may have been half deleted by then."""
    retired = session.scalars(select(Encoder).filter_by(state="retired"))
    return named in {f"{one.name} {one.version}" for one in retired}


def _only_face(session: Session, image: Image) -> Face | None:
    faces = session.scalars(select(Face).filter_by(image_id=image.id)).all()
    return faces[0] if len(faces) == 1 else None


def _still_checking(session: Session, case_id: str) -> bool:
    return bool(session.scalars(select(Probe.id).filter_by(case_id=case_id, state="checking").limit(1)).first())


def _record(
    session: Session, search: Search, result: Result, crops: dict[int, bytes], together: dict[int, int]
) -> None:
    made = [
        _record_candidate(session, search, suspicion, crops[suspicion.image_id])
        for suspicion in result.suspicions
        if suspicion.image_id in crops
    ]
    grouping.group(session, [candidate for candidate in made if candidate is not None], together)
    search.encoder = result.encoder
    search.threshold, search.fallback_threshold = result.limits.face, result.limits.fallback
    search.gallery_size, search.coverage = result.gallery_size, result.coverage
    search.candidates = len(crops)
    search.finished_at = clock.now()
    audit.append(
        session,
        "searched",
        {
            "case": search.case_id,
            "search": search.id,
            "encoder": result.encoder,
            "threshold": result.limits.face,
            "fallback_threshold": result.limits.fallback,
            "gallery_size": result.gallery_size,
        },
    )
    session.flush()
    alarms.look_at_faces(session, session.get_one(Case, search.case_id), result.alike)
    lifecycle.search_finished(session, session.get_one(Case, search.case_id))


def _record_candidate(session: Session, search: Search, suspicion: Suspicion, crop: bytes) -> Candidate | None:
    """The new candidate; None where there is one, or the image was erased meanwhile.

    A second search adds; what people have judged stays judged.
    """
    if session.get_one(Image, suspicion.image_id, populate_existing=True).state == "erased":
        return None
    known = select(Candidate.id).filter_by(case_id=search.case_id, image_id=suspicion.image_id)
    if session.scalar(known) is not None:
        return None
    candidate = Candidate(
        case_id=search.case_id,
        search_id=search.id,
        image_id=suspicion.image_id,
        face_id=suspicion.face_id,
        probe_id=suspicion.probe_id,
        distance=suspicion.distance,
        evidence=sorted(suspicion.evidence),
        crop_id=blobs.put_blob(session, "candidate-crop", crop, "image/jpeg").id,
    )
    session.add(candidate)
    session.flush()
    return candidate
