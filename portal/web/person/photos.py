"""Pictures for a request: taken in, checked, a face chosen, shown back to the person and to nobody else."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, g, redirect, render_template, request, session, url_for
from flask_wtf import FlaskForm
from werkzeug.datastructures import FileStorage
from werkzeug.exceptions import RequestEntityTooLarge

from portal import clock, images
from portal.blobs import open_blob
from portal.cases.arrival import intake as rules
from portal.errors import BadInput, BadPicture, NotFound, TooLarge
from portal.languages import gettext as _
from portal.matching.probe_words import DOUBTED, NOT_USABLE, REFUSED
from portal.tables import Probe
from portal.web.context import database, settings
from portal.web.limits import spend
from portal.web.person import questions as ask
from portal.web.person.intake import Page, held_draft, shown, step_url
from portal.web.policy import policy

blueprint = Blueprint("photos", __name__, url_prefix="/request")

# After this long the queue is taken to be away: the photo is checked later, and the person need not wait for it.
PATIENCE = timedelta(seconds=20)
THUMBNAIL = 240
SAID = REFUSED | DOUBTED


@blueprint.route("/photos", methods=["GET", "POST"])
@policy("public")
def photos() -> Page:
    if request.method == "POST":
        return _take_in(ask.Photo(), "photo", "selfie")
    return _page("photos", ask.Photo())


@blueprint.route("/files", methods=["GET", "POST"])
@policy("public")
def files() -> Page:
    form = ask.PictureFile()
    if request.method == "POST" and form.digest.data and not form.picture.data:
        return _take_digest(form)
    if request.method == "POST":
        return _take_in(form, "picture", "picture")
    return _page("files", form)


def _page(name: str, form: FlaskForm, status: int = 200) -> Page:
    draft = held_draft()
    kind = "selfie" if name == "photos" else "picture"
    there = [probe for probe in rules.probes_of(g.session, draft) if probe.kind == kind]
    consent = rules.read_answers(g.session, draft).get("consent") is True
    if name == "photos" and not consent:
        return redirect(step_url(ask.NAMES["consent"]), 303)
    return shown(name, draft, form, status, there=there, said=SAID, not_usable=_(NOT_USABLE))


def _take_in(form: FlaskForm, field: str, kind: str) -> Page:
    """Decoding is slow, so it comes before anything is read or written."""
    name = "photos" if kind == "selfie" else "files"
    _check_draft()
    form.validate()
    sent = form[field].data
    try:
        prepared = rules.prepare_picture(settings(), uploaded(sent))
        probe = rules.add_picture(g.session, held_draft(), prepared, kind)
    except (BadInput, TooLarge) as problem:
        g.session.rollback()
        form[field].errors = [problem.sentence]
        return _page(name, form, problem.status)
    g.session.commit()
    return redirect(url_for("photos.checking", probe_id=probe.id), 303)


def _take_digest(form: ask.PictureFile) -> Page:
    try:
        rules.add_digest(g.session, held_draft(), form.digest.data)
    except BadInput as problem:
        form.picture.errors = [problem.sentence]
        return _page("files", form, problem.status)
    g.session.commit()
    return redirect(url_for("photos.files"), 303)


def _check_draft() -> None:
    """Nothing is decoded for a browser that fills in no request."""
    spend("photo")
    with database().reading() as reading:
        rules.find_draft(reading, session.get("draft", ""))


@blueprint.errorhandler(413)
def too_big(_problem: RequestEntityTooLarge) -> Page:
    """The same page again, with what was wrong beside the field. All other answers are kept."""
    name, form, field = "photos", ask.Photo(formdata=None), "photo"
    if request.endpoint == "photos.files":
        name, form, field = "files", ask.PictureFile(formdata=None), "picture"
    form[field].errors = [too_big_sentence()]
    return _page(name, form, 413)


@blueprint.get("/photos/<probe_id>")
@policy("public")
def checking(probe_id: str) -> Page:
    draft = held_draft()
    probe = rules.find_probe(g.session, draft, probe_id)
    return outcome_of(probe, "photos", step_url(ask.NAMES["photos" if probe.kind == "selfie" else "files"]))


@blueprint.post("/photos/<probe_id>/face")
@policy("public")
def choose(probe_id: str) -> Page:
    probe = rules.find_probe(g.session, held_draft(), probe_id)
    return chosen(probe, "photos", step_url(ask.NAMES["photos"]))


@blueprint.get("/photos/<probe_id>/face/<int:index>.jpg")
@policy("public")
def face(probe_id: str, index: int) -> Response:
    return face_of(rules.find_probe(g.session, held_draft(), probe_id), index)


@blueprint.get("/photos/<probe_id>/picture.jpg")
@policy("public")
def picture(probe_id: str) -> Response:
    """What the person sent, as they see it beside their answers: the chosen face, or the whole picture."""
    probe = rules.find_probe(g.session, held_draft(), probe_id)
    return jpeg(open_blob(g.session, probe.crop_id or probe.blob_id))


def outcome_of(probe: Probe, place: str, back_to: str) -> Page:
    """Wait while the picture is checked, then say what came of it. `place` is the blueprint the pages belong to."""
    if probe.state == "choose-face":
        return render_template("subject/faces.html", probe=probe, place=place, back_to=back_to)
    if probe.state == "refused":
        sentence = _(REFUSED.get(probe.reason or "", NOT_USABLE))
        return render_template("subject/refused.html", probe=probe, sentence=sentence, place=place, back_to=back_to)
    if probe.state != "checking":
        return redirect(back_to, 303)
    age = clock.now() - probe.created_at
    page = render_template("subject/checking.html", probe=probe, late=age > PATIENCE, place=place, back_to=back_to)
    # A header and not an element of the page: it works without scripts. After a while it hurries less.
    return Response(page, headers={"Refresh": "2" if age < PATIENCE else "15"})


def chosen(probe: Probe, place: str, back_to: str) -> Page:
    """The person chose one of the faces, or pressed the button without choosing."""
    try:
        rules.choose_face(g.session, probe, request.form.get("face", -1, int))
    except BadInput as problem:
        mistake = problem.sentence
        page = render_template("subject/faces.html", probe=probe, place=place, back_to=back_to, mistake=mistake)
        return page, problem.status
    g.session.commit()
    return redirect(url_for(f"{place}.checking", probe_id=probe.id), 303)


def face_of(probe: Probe, index: int) -> Response:
    """One of the faces found, for the person to choose from. Raises NotFound."""
    if not 0 <= index < len(probe.boxes):
        raise NotFound(_("There is no such face in this picture."))
    pixels = images.open_picture(open_blob(g.session, probe.blob_id)).pixels
    return jpeg(images.to_jpeg(images.crop_face(pixels, tuple(probe.boxes[index]), side=THUMBNAIL)))


def jpeg(data: bytes) -> Response:
    return Response(data, mimetype="image/jpeg", headers={"Content-Disposition": "inline"})


def uploaded(sent: FileStorage | None) -> bytes:
    """The bytes of a file field. Raises BadPicture when nothing was chosen."""
    if not sent or not sent.filename:
        raise BadPicture(_("Choose a picture first."), "no-file")
    data: bytes = sent.read()
    return data


def too_big_sentence() -> str:
    most = settings().upload_megabytes
    return _("The picture is too big. Send one of at most %(most)s megabytes. Your answers are saved.", most=most)
