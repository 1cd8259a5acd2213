"""The way of one photograph, dataset or model: where it came from and where it went, as steps that can be drawn.

Whatever is written down is gone through once, so that a circle of datasets made from each other ends, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from portal.lineage.derivations import made_from, origins_of
from portal.lineage.spans import spans_of
from portal.lineage.tracing import Trace, trace
from portal.lineage.versions import versions_of
from portal.tables import (
    Dataset,
    DatasetStore,
    Derivation,
    Disclosure,
    Image,
    Product,
    Recipient,
    Source,
    Store,
    TrainedModel,
    TrainingUse,
)

KINDS = ("source", "store", "image", "dataset", "version", "model", "product", "recipient")


@dataclass(frozen=True)
class Step:
    """One thing on the way: its kind, one of `KINDS`, its id and name, and from when to when, in words."""

    kind: str
    id: str
    name: str
    when: str = ""


@dataclass
class Path:
    """The way of `middle`: all steps, and pairs of steps of which the second was made from, or got, the first."""

    middle: Step
    steps: list[Step] = field(default_factory=list)
    links: list[tuple[Step, Step]] = field(default_factory=list)

    def find(self, kind: str, row_id: str | None) -> Step | None:
        return next((step for step in self.steps if (step.kind, step.id) == (kind, row_id)), None)

    def add(self, *steps: Step) -> None:
        self.steps += [step for step in steps if step not in self.steps]

    def link(self, first: Step | None, then: Step | None) -> None:
        """That `then` has it from `first`. What is not on this way is left out."""
        if first is not None and then is not None and first != then and (first, then) not in self.links:
            self.links.append((first, then))

    def of_kind(self, kind: str) -> list[Step]:
        return [step for step in self.steps if step.kind == kind]


def path_of_image(session: Session, image: Image) -> Path:
    """From the source of a photograph to whoever received something that it is in, with the days of each."""
    store = session.get_one(Store, image.store_id)
    name = f"number {image.id}, erased" if image.state == "erased" else image.key
    path = Path(Step("image", str(image.id), name))
    path.add(path.middle)
    _add_stores(session, path, [store])
    path.link(path.find("store", store.id), path.middle)
    found = trace(session, [image.id])
    for span in spans_of(found):
        path.add(Step(span.what, span.id, span.name, _days(span.since, span.until)))
    _link_made(session, path)
    _link_reached(path, found)
    return path


def path_of_dataset(session: Session, dataset: Dataset) -> Path:
    """What a dataset was filled from and made from, its next versions, and what was made from it or got it."""
    path = Path(_dataset_step(dataset))
    path.add(path.middle)
    before = origins_of(session, Dataset, [dataset.id])
    onward = {dataset.id, *made_from(session, Dataset, [dataset.id])}
    _add_datasets(session, path, [*before, *onward])
    _add_versions(session, path, dataset)
    trained = select(TrainingUse.model_id).where(TrainingUse.dataset_id.in_(onward))
    models = set(session.scalars(trained))
    _add_models(session, path, models | set(made_from(session, TrainedModel, models)))
    _add_onward(session, path, onward)
    _link_all(session, path)
    return path


def path_of_model(session: Session, model: TrainedModel) -> Path:
    """What a model was trained on and made from, and what was made from it or got it."""
    path = Path(Step("model", model.id, f"{model.name} {model.version}", _in_use(session, model.id)))
    path.add(path.middle)
    before = {model.id, *origins_of(session, TrainedModel, [model.id])}
    trained = set(session.scalars(select(TrainingUse.dataset_id).where(TrainingUse.model_id.in_(before))))
    _add_datasets(session, path, trained | set(origins_of(session, Dataset, trained)))
    _add_models(session, path, before | set(made_from(session, TrainedModel, [model.id])))
    _add_onward(session, path, ())
    _link_all(session, path)
    return path


def _add_stores(session: Session, path: Path, stores: Iterable[Store]) -> None:
    for store in stores:
        path.add(Step("store", store.id, store.name))
        source = session.get(Source, store.source_id)
        if source is not None:
            path.add(Step("source", source.id, source.name, f"received on {source.received_on.isoformat()}"))
            path.link(path.find("source", source.id), path.find("store", store.id))


def _add_datasets(session: Session, path: Path, ids: Collection[str]) -> None:
    rows = session.scalars(select(Dataset).where(Dataset.id.in_(ids)).order_by(Dataset.created_on, Dataset.name))
    path.add(*(_dataset_step(dataset) for dataset in rows))


def _dataset_step(dataset: Dataset) -> Step:
    return Step("dataset", dataset.id, f"{dataset.name} {dataset.version}", f"made on {dataset.created_on.isoformat()}")


def _add_versions(session: Session, path: Path, dataset: Dataset) -> None:
    before = path.middle
    for version in versions_of(session, dataset.id):
        assert version.created_at is not None
        made = f"made on {version.created_at.date().isoformat()}, {version.taken:,} fewer, {version.left:,} left"
        step = Step("version", version.id, f"{dataset.name} {version.label}", made)
        path.add(step)
        path.link(before, step)
        before = step


def _add_models(session: Session, path: Path, ids: Collection[str]) -> None:
    rows = select(TrainedModel).where(TrainedModel.id.in_(ids)).order_by(TrainedModel.name, TrainedModel.version)
    for model in session.scalars(rows):
        if path.find("model", model.id) is None:
            path.add(Step("model", model.id, f"{model.name} {model.version}", _in_use(session, model.id)))


def _in_use(session: Session, model_id: str) -> str:
    uses = session.scalars(select(TrainingUse).filter_by(model_id=model_id)).all()
    if not uses:
        return ""
    last = [use.in_use_to for use in uses if use.in_use_to is not None]
    since = min(use.in_use_from or use.trained_on for use in uses)
    return _days(since.isoformat(), max(last).isoformat() if len(last) == len(uses) else None)


def _add_onward(session: Session, path: Path, datasets: Collection[str]) -> None:
    """Products of the models, and whoever received one of these datasets or of the models."""
    models = [step.id for step in path.of_kind("model")]
    for product in session.scalars(select(Product).where(Product.model_id.in_(models)).order_by(Product.name)):
        path.add(Step("product", product.id, product.name))
    given = or_(Disclosure.dataset_id.in_(datasets), Disclosure.model_id.in_(models))
    first: dict[str, tuple[str, date]] = {}
    rows = select(Recipient, Disclosure.disclosed_on).join(Disclosure).where(given)
    for recipient, day in session.execute(rows.order_by(Recipient.name, Disclosure.disclosed_on)):
        first.setdefault(recipient.id, (recipient.name, day))
    path.add(*(Step("recipient", row_id, name, f"since {day.isoformat()}") for row_id, (name, day) in first.items()))


def _link_made(session: Session, path: Path) -> None:
    """What was made from what, of the steps that are on the way."""
    datasets, models = _ids(path, "dataset"), _ids(path, "model")
    within = Derivation.dataset_id.in_(datasets) | Derivation.model_id.in_(models)
    for one in session.scalars(select(Derivation).where(within)):
        path.link(path.find("dataset", one.from_dataset_id), path.find("dataset", one.dataset_id))
        path.link(path.find("model", one.from_model_id), path.find("model", one.model_id))
    for product in session.scalars(select(Product).where(Product.model_id.in_(models))):
        path.link(path.find("model", product.model_id), path.find("product", product.id))


def _link_reached(path: Path, found: Trace) -> None:
    """Where a photograph went: a model that was trained on a dataset only after it was taken out is not among it."""
    for dataset in found.datasets:
        if dataset.facts["made_from"] is None:
            path.link(path.middle, path.find("dataset", dataset.id))
    for model in found.models:
        for use in model.facts["trained"]:
            path.link(path.find("dataset", use["dataset"]), path.find("model", model.id))
    for recipient in found.recipients:
        for given in recipient.facts["disclosures"]:
            kind = next(kind for kind in ("dataset", "model", "store") if given[kind])
            path.link(path.find(kind, given[kind]), path.find("recipient", recipient.id))


def _link_all(session: Session, path: Path) -> None:
    """All that is written down between the steps that are on the way."""
    _link_made(session, path)
    datasets, models = _ids(path, "dataset"), _ids(path, "model")
    filled = select(DatasetStore.dataset_id, Store).join(Store, Store.id == DatasetStore.store_id)
    for dataset_id, store in session.execute(filled.where(DatasetStore.dataset_id.in_(datasets)).order_by(Store.name)):
        _add_stores(session, path, [store])
        path.link(path.find("store", store.id), path.find("dataset", dataset_id))
    trained = select(TrainingUse).where(TrainingUse.dataset_id.in_(datasets), TrainingUse.model_id.in_(models))
    for use in session.scalars(trained):
        path.link(path.find("dataset", use.dataset_id), path.find("model", use.model_id))
    recipients = Disclosure.recipient_id.in_(_ids(path, "recipient"))
    for given in session.scalars(select(Disclosure).where(recipients)):
        origin = path.find("dataset", given.dataset_id) or path.find("model", given.model_id)
        path.link(origin, path.find("recipient", given.recipient_id))


def _ids(path: Path, kind: str) -> list[str]:
    return [step.id for step in path.of_kind(kind)]


def _days(since: str, until: str | None) -> str:
    return f"{since} to {until}" if until else f"since {since}"
