"""Taking in a file of lineage from the browser: first what it would add, then adding it. The file is kept nowhere."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time
from pathlib import Path

from flask import Blueprint, g, render_template, request
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from wtforms import DateField, SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Optional

from portal.errors import BadInput, Conflict, NotAllowed, NotFound, TooLarge
from portal.lineage import importing
from portal.lineage.importing import Report
from portal.lineage.importing.places import PAGE
from portal.tables import Store
from portal.web.context import database
from portal.web.operator.lineage import ALL_THE_SAME, IN_THE_LOG, Page
from portal.web.policy import policy

blueprint = Blueprint("importing", __name__, url_prefix="/staff/lineage")

NAMES = {
    "manifest": "A manifest (.csv or .jsonl: key or digest, dataset, version)",
    "croissant": "Croissant (.json)",
    "mlflow": "MLflow (a folder: its file store)",
    "dvc": "DVC (a .dvc file, or dvc.lock)",
    "openlineage": "Events of OpenLineage (.jsonl or .json)",
}
# Where files have no place on a disk. What a killed process leaves there goes with the machine's next start.
MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own is made in it
LONGEST_NAME = 80


class ImportForm(FlaskForm):  # type: ignore[misc]
    file = FileField("File")
    format = SelectField(
        "What kind of file it is",
        choices=[SelectChoice("", "The file itself tells"), *(SelectChoice(*one) for one in NAMES.items())],
        default="",
    )
    folder = StringField(
        "Or a folder on the machine of the portal",
        description="For a store of MLflow, which is a folder: such as /srv/mlruns.",
    )
    store = SelectField("Store", default="", description="Only for a manifest with keys: the store they are of.")
    dataset = StringField("Dataset", description="Only for a manifest: the dataset of lines that name none.")
    version = StringField("Version of this dataset")
    made_on = DateField(
        "Made on", [Optional()], description="Only for DVC, which keeps no days: when this was made. Else it is today."
    )
    despite = StringField(ALL_THE_SAME, description=IN_THE_LOG)


@blueprint.route("/import", methods=["GET", "POST"])
@policy("admin")
def upload() -> Page:
    form, taken = ImportForm(), None
    with database().reading() as reading:
        stores = reading.execute(select(Store.id, Store.name).order_by(Store.name)).all()
    form.store.choices = [SelectChoice("", "None"), *(SelectChoice(*one) for one in stores)]
    preview = request.form.get("do") != "take"
    if form.validate_on_submit():
        # The file is read and written in transactions of its own, page by page.
        g.session.close()
        try:
            taken = _take(form, preview)
        except (BadInput, Conflict, NotAllowed, NotFound, TooLarge) as problem:
            form.form_errors.append(problem.sentence)
    page = render_template(
        "lineage/import.html", form=form, taken=taken, preview=preview, lines=f"{PAGE:,}", names=NAMES
    )
    return page, 422 if form.errors else 200


def _take(form: ImportForm, preview: bool) -> tuple[str, Report]:
    named = (form.dataset.data or "").strip(), (form.version.data or "").strip()
    if any(named) and not all(named):
        raise BadInput("Give the name of the dataset and its version, or neither.")
    with _given(form) as path:
        return importing.take(
            database(),
            path,
            form.format.data or None,
            form.store.data or None,
            named if all(named) else None,
            form.despite.data or "",
            preview,
        )


@contextmanager
def _given(form: ImportForm) -> Iterator[Path]:
    """The folder on this machine that was named, or the file that was sent, for as long as it is read."""
    folder = (form.folder.data or "").strip()
    if not folder:
        with _laid_down(form.file.data, form.made_on.data) as path:
            yield path
        return
    if form.file.data:
        raise BadInput("Choose a file, or name a folder: not both.")
    path = Path(folder)
    if "\0" in folder or not path.is_absolute() or not path.is_dir():
        raise BadInput("There is no such folder on the machine of the portal. Give its whole path, from / on.")
    yield path


@contextmanager
def _laid_down(file: FileStorage | None, day: date | None) -> Iterator[Path]:
    """The upload as a file under a plain name, for as long as it is read: the readers go by name and by day."""
    name = re.sub(r"[^\w.-]", "_", Path((file and file.filename) or "").name)[-LONGEST_NAME:]
    if file is None or not name.strip("."):
        raise BadInput("Choose a file.")
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        path = Path(folder) / name
        path.write_bytes(file.read())
        if day is not None:
            noon = datetime.combine(day, time(12), UTC).timestamp()
            os.utime(path, (noon, noon))
        yield path
