"""What people give to be found with: pictures, links, account names. Of a draft, or added to a case later."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal import audit, blobs, clock, forgotten, images
from portal.cases import lifecycle
from portal.cases.arrival import drafts
from portal.config import Config
from portal.errors import BadInput, BadPicture, Conflict, NotFound, TooLarge
from portal.jobs import make_due
from portal.keys import keys_of
from portal.languages import gettext as _
from portal.stores import links
from portal.tables import Case, Draft, Probe, random_id

PICTURES = 5
NAMES = 10
LONGEST_SIDE = 2400
QUALITY = 92
USABLE = ("checking", "choose-face", "ready")

Owner = Draft | Case


@dataclass(frozen=True)
class Prepared:
    """A picture made safe: digest of the bytes as sent, near-duplicate digest, and the picture anew as JPEG."""

    digest: bytes
    near_digest: bytes
    jpeg: bytes


def prepare_picture(config: Config, data: bytes) -> Prepared:
    """Open a picture safely, upright and stripped of all that is not pixels. Slow: needs no session, hold none.

    Raises BadPicture (empty, or not a picture), TooLarge.
    """
    if not data:
        raise BadPicture(_("This file is empty. Choose another picture."), "empty")
    if len(data) > config.upload_megabytes * 1024 * 1024:
        raise TooLarge(
            _("This picture is too big. It may have at most %(most)s megabytes.", most=config.upload_megabytes)
        )
    picture = images.open_picture(data)
    return Prepared(
        digest=hashlib.sha256(data).digest(),
        near_digest=images.near_digest(picture.pixels),
        jpeg=images.to_jpeg(picture.pixels, quality=QUALITY, longest=LONGEST_SIDE),
    )


def add_picture(session: Session, owner: Owner, prepared: Prepared, kind: str) -> Probe:
    """Keep a prepared picture, sealed, and have it checked. `kind`: `selfie` (needs the consent) or `picture`.

    Sent twice, it is kept once. Raises BadInput (no consent, or five pictures already).
    """
    if kind not in {"selfie", "picture"}:
        raise BadInput(_("Choose what kind of picture this is."), "unknown-kind")
    if kind == "selfie" and not _has_consent(session, owner):
        raise BadInput(_("We compare your face only if you say yes. You can also be found without it."), "no-consent")
    same = _same_picture(session, owner, prepared.digest, kind)
    if same is not None:
        return same
    blob = blobs.put_blob(session, "probe", prepared.jpeg, "image/jpeg", _purge_after(owner))
    probe = _new(owner, kind, "checking")
    probe.blob_id, probe.digest, probe.near_digest = blob.id, prepared.digest, prepared.near_digest
    _add(session, owner, probe)
    make_due(session, probe)
    return probe


def _same_picture(session: Session, owner: Owner, digest: bytes, kind: str) -> Probe | None:
    """The probe that holds this picture already. Raises BadInput when there is no room for a new one."""
    pictures = [probe for probe in probes_of(session, owner) if probe.kind in {"selfie", "picture"}]
    same = next((probe for probe in pictures if (probe.digest, probe.kind) == (digest, kind)), None)
    if same is None and len(pictures) >= PICTURES:
        raise BadInput(_("You can send up to %(most)s pictures. Remove one first.", most=PICTURES), "too-many-pictures")
    return same


def add_digest(session: Session, owner: Owner, digest: str) -> Probe:
    """Look with the SHA-256 (hexadecimal) of a picture file that never left the person's device.

    Raises BadInput (no SHA-256, or five pictures already).
    """
    if len(digest) != 64 or not all(each in "0123456789abcdef" for each in digest.lower()):
        raise BadInput(_("This is not the fingerprint of a file. Choose the file again."), "bad-digest")
    given = bytes.fromhex(digest)
    same = _same_picture(session, owner, given, "picture")
    if same is not None:
        return same
    probe = _new(owner, "picture", "ready")
    probe.digest = given
    return _add(session, owner, probe)


def add_link(session: Session, owner: Owner, url: str) -> Probe:
    """Look with the link of a picture or page. It is never fetched. Raises BadInput."""
    return _add_text(session, owner, "link", links.canonical(url.strip()))


def add_account(session: Session, owner: Owner, name: str) -> Probe:
    """Look with an account name. Raises BadInput."""
    clean = " ".join(name.split())
    if not clean or len(clean) > 300 or not clean.isprintable():
        raise BadInput(_("Enter the account name as it was shown on the site."), "bad-account")
    return _add_text(session, owner, "account", clean)


def _add_text(session: Session, owner: Owner, kind: str, text: str) -> Probe:
    same_kind = [probe for probe in probes_of(session, owner) if probe.kind == kind]
    for probe in same_kind:
        if opened(session, probe) == text:
            return probe
    if len(same_kind) >= NAMES:
        raise BadInput(_("You can give up to %(most)s of these. Remove one first.", most=NAMES), "too-many-names")
    probe = _new(owner, kind, "ready")
    probe.sealed = keys_of(session).seal(text.encode(), f"probe/{probe.id}")
    return _add(session, owner, probe)


def opened(session: Session, probe: Probe) -> str | None:
    """The link or account name of a probe; None where there is none, or not any more."""
    return keys_of(session).unseal(probe.sealed, f"probe/{probe.id}").decode() if probe.sealed else None


def choose_face(session: Session, probe: Probe, index: int) -> Probe:
    """The person says which face is theirs. It is checked again, for that face. Raises BadInput, Conflict."""
    if probe.state not in {"choose-face", "ready", "refused"} or not probe.boxes:
        raise Conflict(_("There is no face to choose in this picture any more."), "nothing-to-choose")
    if not 0 <= index < len(probe.boxes):
        raise BadInput(_("Choose one of the faces."), "unknown-face")
    probe.chosen = index
    probe.state = "checking"
    probe.reason = None
    session.flush()
    make_due(session, probe)
    if probe.case_id is not None:
        lifecycle.look_with_more(session, session.get_one(Case, probe.case_id))
    return probe


def find_probe(session: Session, owner: Owner, probe_id: str) -> Probe:
    """The probe, if it is this owner's. Raises NotFound."""
    for probe in probes_of(session, owner):
        if probe.id == probe_id:
            return probe
    raise NotFound(_("This is not kept any more."))


def remove_probe(session: Session, probe: Probe) -> None:
    """The person takes something back: it is deleted at once."""
    forgotten.note(session, "probe", [probe.id])
    blobs.purge_blob(session, probe.blob_id)
    blobs.purge_blob(session, probe.crop_id)
    session.delete(probe)
    session.flush()


def can_take_out(session: Session, case: Case) -> set[str]:
    """Ids of the pictures that can be taken out of a sent request: before they were looked with, and never the last way
    to find the person. It tells nothing of what was found."""
    there = probes_of(session, case)
    before = case.state in {"received", "identity-check"}
    usable = [probe for probe in there if probe.state in USABLE]
    unused = [probe for probe in usable if before or probe.state == "choose-face"] if len(usable) > 1 else []
    refused = [probe for probe in there if probe.state == "refused"]
    return {probe.id for probe in unused + refused if case.state not in {"fulfilling", "closed"}}


def take_out(session: Session, case: Case, probe: Probe) -> None:
    """The person takes a picture out of a sent request: it is deleted at once. Raises Conflict."""
    if probe.id not in can_take_out(session, case):
        raise Conflict(
            _("This photo cannot be taken out now. Add another one first, or write to us."), "cannot-take-out"
        )
    remove_probe(session, probe)
    lifecycle.record(session, case, "photo-taken-out", "subject")
    audit.append(session, "photo-taken-out", {"case": case.id})


def probes_of(session: Session, owner: Owner) -> list[Probe]:
    """What this draft or case has to look with, oldest first, without what was purged."""
    mine = Probe.draft_id == owner.id if isinstance(owner, Draft) else Probe.case_id == owner.id
    return list(session.scalars(select(Probe).where(mine, Probe.state != "purged").order_by(Probe.created_at)))


def is_usable(session: Session, owner: Owner) -> bool:
    """True when there is at least one way to look that was not refused."""
    return any(probe.state in USABLE for probe in probes_of(session, owner))


def _new(owner: Owner, kind: str, state: str) -> Probe:
    if isinstance(owner, Case) and owner.state in {"fulfilling", "closed"}:
        raise Conflict(_("This request was decided already. Please make a new one."), "decided")
    mine = {"draft_id": owner.id} if isinstance(owner, Draft) else {"case_id": owner.id}
    return Probe(id=random_id(), kind=kind, state=state, boxes=[], created_at=clock.now(), **mine)


def _add(session: Session, owner: Owner, probe: Probe) -> Probe:
    session.add(probe)
    session.flush()
    if isinstance(owner, Case):
        lifecycle.look_with_more(session, owner)
    return probe


def _purge_after(owner: Owner) -> datetime | None:
    """The picture of a draft goes with the draft; that of a case when its row does."""
    return owner.expires_at if isinstance(owner, Draft) else None


def _has_consent(session: Session, owner: Owner) -> bool:
    if isinstance(owner, Draft):
        return drafts.read_answers(session, owner).get("consent") is True
    return owner.consented_at is not None
