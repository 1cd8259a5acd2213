"""The way of one photograph, dataset or model, as a picture and in words: where it came from and where it went."""

from __future__ import annotations

from flask import Blueprint, g, redirect, render_template, request, url_for
from sqlalchemy import select
from werkzeug.wrappers import Response

from portal.errors import NotFound
from portal.lineage.paths import KINDS, Path, path_of_dataset, path_of_image, path_of_model
from portal.tables import Dataset, Image, Store, TrainedModel
from portal.web.operator.path_picture import WORDS, draw
from portal.web.policy import policy

blueprint = Blueprint("paths", __name__, url_prefix="/staff/lineage")


@blueprint.get("/images/<int:image_id>")
@policy("admin")
def image(image_id: int) -> str:
    found = g.session.get(Image, image_id)
    if found is None:
        raise NotFound("There is no such photograph.")
    return _page(path_of_image(g.session, found), "photograph")


@blueprint.get("/images/find")
@policy("admin")
def find() -> Response:
    """From the name of a photograph in a store to its page."""
    store = g.session.get(Store, request.args.get("store", ""))
    key = request.args.get("key", "").strip()
    if store is None:
        raise NotFound("There is no such store.")
    found = g.session.scalar(select(Image.id).filter_by(store_id=store.id, key=key))
    if found is None:
        raise NotFound(f"No scan of {store.name} has seen a photograph with this name.")
    return redirect(url_for("paths.image", image_id=found), 303)


@blueprint.get("/datasets/<dataset_id>")
@policy("admin")
def dataset(dataset_id: str) -> str:
    found = g.session.get(Dataset, dataset_id)
    if found is None:
        raise NotFound("There is no such dataset.")
    return _page(path_of_dataset(g.session, found), "dataset")


@blueprint.get("/models/<model_id>")
@policy("admin")
def model(model_id: str) -> str:
    found = g.session.get(TrainedModel, model_id)
    if found is None:
        raise NotFound("There is no such model.")
    return _page(path_of_model(g.session, found), "model")


def _page(path: Path, what: str) -> str:
    """Above the middle stands where it came from, below it where it went."""
    middle = KINDS.index(path.middle.kind)
    others = {kind: [step for step in path.of_kind(kind) if step != path.middle] for kind in KINDS}
    came = [kind for kind in KINDS[: middle + 1] if kind != path.middle.kind and others[kind]]
    went = [kind for kind in KINDS[middle:] if others[kind]]
    return render_template(
        "lineage/path.html", path=path, what=what, picture=draw(path), words=WORDS, came=came, went=went, others=others
    )
