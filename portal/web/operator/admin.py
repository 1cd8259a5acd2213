"""Image stores: adding one, what may be done in it, where its photographs came from."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask_login import current_user
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from sqlalchemy import func, select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import BooleanField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from portal.errors import BadInput, BadManifest, Conflict, NotAllowed, NotFound, StoreUnavailable
from portal.stores import adding, grounds, manifests, scans
from portal.stores.manifest_files import read_manifest
from portal.tables import Face, Image, Recipient, Scan, Source, Store
from portal.web.context import database
from portal.web.operator.scans import STATES
from portal.web.policy import policy

blueprint = Blueprint("admin", __name__, url_prefix="/staff")

Page = str | Response | tuple[str, int]

# What is asked for each kind of store that is more than a folder.
FIELDS = {
    "folder": ("folder", "copies"),
    "sql": ("url", "table", "key", "image", "erase"),
    "sql-files": ("url", "table", "key", "path", "folder", "erase"),
    "s3": ("bucket", "prefix", "endpoint", "region", "addressing", "profile", "copies"),
    "http-manifest": ("manifest",),
}


class StoreForm(FlaskForm):  # type: ignore[misc]
    name = StringField(
        "Name", [InputRequired("Give the store a name."), Length(max=100)], description="Your own word for it."
    )
    kind = SelectField(
        "Kind of store",
        choices=[
            SelectChoice("folder", "A folder of pictures"),
            SelectChoice("tar", "A folder of .tar files (plain, or WebDataset)"),
            SelectChoice("parquet", "A folder of .parquet files (Hugging Face)"),
            SelectChoice("sql", "A table of a database"),
            SelectChoice("sql-files", "A table of a database that names files in a folder"),
            SelectChoice("s3", "A bucket (S3, or a server that speaks as S3 does)"),
            SelectChoice("http-manifest", "Pictures that somebody else holds, named by a manifest"),
        ],
        default="folder",
    )
    folder = StringField(
        "Folder",
        description="Its full path, such as /srv/photographs. Leave it empty for pictures in a table or a bucket.",
        render_kw={"spellcheck": "false"},
    )
    copies = TextAreaField(
        "Files that are made of a photograph",
        description="Only for a folder or a bucket: one pattern on each line, such as thumbs/{folder}/{stem}_*.jpg or "
        "{folder}/.cache/{name}*. They are deleted with their photograph.",
        render_kw={"spellcheck": "false"},
    )
    url = StringField(
        "Database",
        description="Only for a table: its URL without a password, such as sqlite:////srv/pictures.sqlite.",
        render_kw={"spellcheck": "false"},
    )
    table = StringField("Table", description="Only for a table: its name.")
    key = StringField("Column of the keys", description="Only for a table: a column that names each picture once.")
    image = StringField("Column of the pictures", description="Only for a table with the pictures in it.")
    path = StringField("Column of the paths", description="Only for a table that names files.")
    erase = SelectField(
        "How to delete from a table",
        choices=[SelectChoice("empty", "Empty the column, keep its row"), SelectChoice("row", "Delete the whole row")],
        default="empty",
    )
    bucket = StringField(
        "Bucket",
        description="Only for a bucket: its name. The access keys come from the machine, never from this form.",
        render_kw={"spellcheck": "false"},
    )
    prefix = StringField("Prefix", description="Only for a bucket: take in only keys that begin so, such as photos/.")
    endpoint = StringField(
        "Endpoint",
        description="Only for a bucket: the server, such as https://s3.example.org. Leave it empty for Amazon's.",
        render_kw={"spellcheck": "false"},
    )
    region = StringField("Region", description="Only for a bucket: such as eu-central-1.")
    addressing = SelectField(
        "Where the bucket's name goes",
        choices=[
            SelectChoice("", "As is usual for the server"),
            SelectChoice("path", "Into the path"),
            SelectChoice("virtual", "Before the server's name"),
        ],
        default="",
    )
    profile = StringField("Profile", description="Only for a bucket: the profile in ~/.aws that has the access keys.")
    manifest = StringField(
        "Manifest",
        description="Only for pictures held elsewhere: a .csv or .jsonl file on this machine, with url and sha256 on "
        "each line. Only websites in EFFACE_HOLDER_HOSTS are asked.",
        render_kw={"spellcheck": "false"},
    )
    holder_id = SelectField(
        "Who holds the pictures",
        default="",
        description="Only for pictures held elsewhere: they are asked to erase. Recipients are added under Lineage.",
    )
    source_id = SelectField("Where the photographs came from", description="Sources are added under Lineage.")
    despite = StringField(
        "If no consent and no right is recorded for it: why do you add the store all the same?",
        description="Such as: to find the people in it. This goes into the log, so name nobody.",
    )
    may_erase = BooleanField(
        "Efface may delete photographs here",
        description="Without this, a deletion that was granted stops at this store and waits for a person.",
    )


class ManifestForm(FlaskForm):  # type: ignore[misc]
    file = FileField(
        "Manifest", description="A .csv or .jsonl file with the columns key, account, source_url, taken_at."
    )


@blueprint.get("/stores")
@policy("admin")
def stores() -> Page:
    cards = [_card(store) for store in adding.list_stores(g.session)]
    return render_template("admin/stores.html", cards=cards, states=STATES)


def _card(store: Store) -> dict[str, object]:
    images = select(func.count()).where(Image.store_id == store.id, Image.state == "live")
    faces = select(func.count()).select_from(Face).join(Image).where(Image.store_id == store.id, Image.state == "live")
    return {
        "store": store,
        "images": g.session.scalar(images.select_from(Image)),
        "faces": g.session.scalar(faces),
        "scan": g.session.scalar(_scans_of(store).limit(1)),
    }


@blueprint.route("/stores/add", methods=["GET", "POST"])
@policy("admin")
def add_store() -> Page:
    form = StoreForm()
    with database().reading() as reading:
        sources = reading.scalars(select(Source).order_by(Source.name)).all()
        recipients = reading.scalars(select(Recipient).order_by(Recipient.name)).all()
    form.source_id.choices = _choices(sources)
    form.holder_id.choices = _choices(recipients)
    if form.validate_on_submit():
        asked = (form.name.data.strip(), form.kind.data, _settings_of(form), form.may_erase.data)
        try:
            # A store may be slow to answer: nobody waits for the write lock meanwhile.
            check = adding.try_out(database().config, *asked)
            store = adding.add_store(
                g.session,
                *asked,
                source_id=form.source_id.data or None,
                check=check,
                despite=form.despite.data or "",
                holder_id=form.holder_id.data or None,
            )
        except (BadInput, Conflict, NotAllowed, StoreUnavailable) as problem:
            g.session.rollback()
            form.form_errors.append(problem.sentence)
        else:
            g.session.commit()
            return redirect(url_for("admin.store", store_id=store.id), 303)
    return render_template("admin/store_add.html", form=form), 422 if form.is_submitted() else 200


def _choices(rows: Sequence[Source] | Sequence[Recipient]) -> list[SelectChoice]:
    return [SelectChoice("", "Not said yet"), *(SelectChoice(row.id, row.name) for row in rows)]


def _settings_of(form: StoreForm) -> dict[str, str]:
    """What was filled in for the chosen kind. A table has no folder, and a folder no table."""
    return {name: (form[name].data or "").strip() for name in FIELDS.get(form.kind.data, ("folder",))}


@blueprint.get("/stores/<store_id>")
@policy("admin")
def store(store_id: str) -> Page:
    return _store_page(_store(store_id), ManifestForm())


@blueprint.post("/stores/<store_id>/test")
@policy("admin")
def test(store_id: str) -> Page:
    with database().reading() as reading:
        found = _store(store_id, reading)
    try:
        # A disk may be slow to answer: nobody waits for the write lock meanwhile.
        check = adding.try_store(found)
    except StoreUnavailable as problem:
        return _store_page(_store(store_id), ManifestForm(), away=problem.sentence, status=503)
    adding.remember_check(_store(store_id), check)
    g.session.commit()
    return redirect(url_for("admin.store", store_id=store_id), 303)


@blueprint.post("/stores/<store_id>/scan")
@policy("admin")
def start_scan(store_id: str) -> Page:
    found = _store(store_id)
    try:
        started = scans.start_scan(g.session, found, current_user.id, request.form.get("despite", ""))
    except NotAllowed as problem:
        g.session.rollback()
        return _store_page(_store(store_id), ManifestForm(formdata=None), refused=problem.sentence, status=403)
    g.session.commit()
    return redirect(url_for("scans.scan", scan_id=started.id), 303)


@blueprint.post("/stores/<store_id>/source")
@policy("admin")
def set_source(store_id: str) -> Page:
    source = g.session.get(Source, request.form.get("source_id", ""))
    if source is None:
        raise BadInput("Choose a source. Sources are added under Lineage.")
    adding.set_source(g.session, _store(store_id), source)
    g.session.commit()
    return redirect(url_for("admin.store", store_id=store_id), 303)


@blueprint.post("/stores/<store_id>/pace")
@policy("admin")
def set_pace(store_id: str) -> Page:
    found, asked = _store(store_id), request.form.get("reads", "").strip()
    try:
        adding.set_pace(g.session, found, int(asked) if asked else None)
    except (ValueError, BadInput) as problem:
        g.session.rollback()
        said = problem.sentence if isinstance(problem, BadInput) else "Give a whole number, or nothing for no limit."
        return _store_page(_store(store_id), ManifestForm(formdata=None), bad_pace=said, pace=asked, status=422)
    g.session.commit()
    return redirect(url_for("admin.store", store_id=store_id), 303)


@blueprint.post("/stores/<store_id>/manifest")
@policy("admin")
def attach(store_id: str) -> Page:
    form = ManifestForm()
    if not form.validate_on_submit() or not form.file.data:
        form.file.errors = ["Choose a file."]
        return _store_page(_store(store_id), form, status=422)
    try:
        lines = read_manifest(form.file.data.filename or "", form.file.data.read())
        attached = manifests.attach(g.session, _store(store_id), form.file.data.filename or "", lines)
    except BadManifest as problem:
        g.session.rollback()
        form.file.errors = [problem.sentence]
        return _store_page(_store(store_id), form, status=422)
    g.session.commit()
    return _store_page(_store(store_id), ManifestForm(formdata=None), attached=attached)


def _store_page(store: Store, form: ManifestForm, status: int = 200, **more: object) -> Page:
    found = list(g.session.scalars(_scans_of(store).limit(20)))
    sources = g.session.scalars(select(Source).order_by(Source.name)).all()
    source = g.session.get(Source, store.source_id) if store.source_id else None
    page = render_template(
        "admin/store.html",
        card=_card(store),
        check=store.capabilities,
        scans=found,
        form=form,
        states=STATES,
        quoted=shlex.quote(store.name),
        place=_place_of(store.settings),
        sources=sources,
        source=source,
        holder=g.session.get(Recipient, store.holder_id) if store.holder_id else None,
        may_be_used=source is not None and grounds.has_ground(source),
        **more,
    )
    return page, status


def _place_of(settings: dict[str, str]) -> str:
    """Where a store is, as people say it."""
    if "bucket" in settings:
        below = f" below {settings['prefix']}" if settings["prefix"] else ""
        return f"bucket {settings['bucket']}{below} at {settings['endpoint'] or 'Amazon'}"
    if "manifest" in settings:
        return f"pictures named in {settings['manifest']}, held elsewhere"
    return settings.get("folder") or f"{settings['table']} in {settings['url']}"


def _store(store_id: str, session: Session | None = None) -> Store:
    store = (session or g.session).get(Store, store_id)
    if store is None:
        raise NotFound("There is no such store.")
    return store


def _scans_of(store: Store):  # type: ignore[no-untyped-def]  # Select of Scan
    return select(Scan).where(Scan.store_id == store.id).order_by(Scan.started_at.desc())
