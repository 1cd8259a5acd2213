"""The path of photographs: image -> dataset -> model -> product -> recipient, and back to the source.

A photograph that was taken out of a dataset is followed all the same: what was trained or passed on while it was in
there is touched by it for good. Only what happened on a later day than the removal is not.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.languages import gettext as _
from portal.languages import isolated, ngettext
from portal.lineage.members import Stay, batches, stays_of
from portal.tables import (
    Dataset,
    Disclosure,
    Image,
    Product,
    Recipient,
    Source,
    Store,
    TrainedModel,
    TrainingUse,
)
from portal.tables.lineage import STILL


@dataclass(frozen=True)
class Reached:
    """Something the photographs came from or went to.

    `name` has the version of a dataset or model in it. `via` says in sentences how; `facts` are plain JSON values.
    """

    id: str
    name: str
    via: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Trace:
    """All that some photographs came from and went to, each list by name."""

    sources: list[Reached]
    datasets: list[Reached]
    models: list[Reached]
    products: list[Reached]
    recipients: list[Reached]


@dataclass
class _Holding:
    """How many of the photographs a dataset holds, and how many it held from when to when."""

    dataset: Dataset
    stays: list[Stay]

    @property
    def now(self) -> int:
        return sum(stay.images for stay in self.stays if stay.until == STILL)

    @property
    def ever(self) -> int:
        return sum(stay.images for stay in self.stays)

    @property
    def until(self) -> dict[date, int]:
        """How many were in it until which day, of those that were taken out."""
        counts: dict[date, int] = {}
        for stay in self.stays:
            if stay.until != STILL:
                counts[stay.until] = counts.get(stay.until, 0) + stay.images
        return counts

    def on(self, day: date) -> int:
        """How many were in it on `day`."""
        return sum(stay.images for stay in self.stays if stay.since <= day <= stay.until)


def trace(session: Session, image_ids: Collection[int]) -> Trace:
    """Everything the images came from and went to. Images that are erased are followed, too."""
    holdings = _holdings(session, image_ids)
    models = _models(session, holdings)
    return Trace(
        sources=_sources(session, image_ids),
        datasets=[_dataset(holding) for holding in holdings],
        models=models,
        products=_products(session, models),
        recipients=_recipients(session, holdings, models),
    )


def _sources(session: Session, image_ids: Collection[int]) -> list[Reached]:
    counts: dict[str, int] = {}
    for batch in batches(image_ids):
        in_stores = select(Image.store_id, func.count()).where(Image.id.in_(batch)).group_by(Image.store_id)
        for store_id, count in session.execute(in_stores):
            counts[store_id] = counts.get(store_id, 0) + count
    found = select(Store, Source).join(Source, Store.source_id == Source.id).where(Store.id.in_(counts))
    reached: dict[str, Reached] = {}
    for store, source in session.execute(found.order_by(Source.name, Store.name)):
        via = _(
            "%(source)s is where the store %(store)s came from. It holds %(photographs)s.",
            source=isolated(source.name),
            store=isolated(store.name),
            photographs=_photographs(counts[store.id]),
        )
        reached[source.id] = _joined(reached.get(source.id), Reached(source.id, source.name, via, _of_source(source)))
    return list(reached.values())


def _of_source(source: Source) -> dict[str, Any]:
    return {
        "from_whom": source.from_whom,
        "received_on": source.received_on.isoformat(),
        "terms": source.terms,
        "consent": source.consent,
        "consented": source.consented,
        "consent_scope": source.consent_scope,
        "right_to_share": source.right_to_share,
        "may_share": source.may_share,
        "interest": source.interest,
    }


def _holdings(session: Session, image_ids: Collection[int]) -> list[_Holding]:
    stays: dict[str, list[Stay]] = {}
    for stay in stays_of(session, image_ids):
        stays.setdefault(stay.dataset_id, []).append(stay)
    datasets = session.scalars(select(Dataset).where(Dataset.id.in_(stays)))
    holdings = {dataset.id: _Holding(dataset, stays[dataset.id]) for dataset in datasets}
    return sorted(holdings.values(), key=lambda holding: _title(holding.dataset))


def _dataset(holding: _Holding) -> Reached:
    title = _title(holding.dataset)
    name, sentences = isolated(title), []
    if holding.now:
        now = _photographs(holding.now)
        sentences.append(_("Dataset %(dataset)s contains %(photographs)s.", dataset=name, photographs=now))
    for day, count in sorted(holding.until.items()):
        sentences.append(
            _(
                "Dataset %(dataset)s contained %(photographs)s until %(day)s.",
                dataset=name,
                photographs=_photographs(count),
                day=isolated(day.isoformat()),
            )
        )
    facts = {
        "version": holding.dataset.version,
        "created_on": holding.dataset.created_on.isoformat(),
        "photographs": holding.now,
        "taken_out": holding.ever - holding.now,
    }
    return Reached(holding.dataset.id, title, " ".join(sentences), facts)


def _models(session: Session, holdings: list[_Holding]) -> list[Reached]:
    by_dataset = {holding.dataset.id: holding for holding in holdings}
    found = select(TrainingUse, TrainedModel).join(TrainedModel).where(TrainingUse.dataset_id.in_(by_dataset))
    ordered = found.order_by(TrainedModel.name, TrainedModel.version, TrainingUse.trained_on)
    reached: dict[str, Reached] = {}
    for use, model in session.execute(ordered):
        holding = by_dataset[use.dataset_id]
        count = holding.on(use.trained_on)
        if not count:
            continue
        via = _of_training(holding, count, use, model)
        reached[model.id] = _joined(reached.get(model.id), Reached(model.id, _title(model), via, _of_model(model, use)))
    return list(reached.values())


def _of_training(holding: _Holding, count: int, use: TrainingUse, model: TrainedModel) -> str:
    said = {
        "dataset": isolated(_title(holding.dataset)),
        "photographs": _photographs(count),
        "model": isolated(_title(model)),
        "day": isolated(use.trained_on.isoformat()),
    }
    if holding.now == count:
        return _("Dataset %(dataset)s contains %(photographs)s; model %(model)s was trained on it on %(day)s.", **said)
    return _("Dataset %(dataset)s contained %(photographs)s; model %(model)s was trained on it on %(day)s.", **said)


def _of_model(model: TrainedModel, use: TrainingUse) -> dict[str, Any]:
    return {
        "version": model.version,
        "weights_digest": model.weights_digest,
        "purpose": model.purpose,
        "trained": [
            {
                "dataset": use.dataset_id,
                "trained_on": use.trained_on.isoformat(),
                "in_use_from": use.in_use_from.isoformat() if use.in_use_from else None,
                "in_use_to": use.in_use_to.isoformat() if use.in_use_to else None,
            }
        ],
    }


def _products(session: Session, models: list[Reached]) -> list[Reached]:
    by_id = {model.id: model for model in models}
    found = session.scalars(select(Product).where(Product.model_id.in_(by_id)).order_by(Product.name))
    return [
        Reached(
            product.id,
            product.name,
            f"{by_id[product.model_id].via} {_built(product)}",
            {"model": product.model_id, "description": product.description},
        )
        for product in found
    ]


def _built(product: Product) -> str:
    return _("%(product)s was built on this model.", product=isolated(product.name))


def _recipients(session: Session, holdings: list[_Holding], models: list[Reached]) -> list[Reached]:
    by_dataset = {holding.dataset.id: holding for holding in holdings}
    by_model = {model.id: model for model in models}
    passed_on = Disclosure.dataset_id.in_(by_dataset) | Disclosure.model_id.in_(by_model)
    found = select(Disclosure, Recipient).join(Recipient).where(passed_on)
    reached: dict[str, Reached] = {}
    for disclosure, recipient in session.execute(found.order_by(Recipient.name, Disclosure.disclosed_on)):
        via = _of_dataset_passed_on(by_dataset.get(disclosure.dataset_id or ""), disclosure, recipient)
        if disclosure.model_id is not None:
            model = by_model[disclosure.model_id]
            passed = _(
                "%(recipient)s received this model on %(day)s.",
                recipient=isolated(recipient.name),
                day=isolated(disclosure.disclosed_on.isoformat()),
            )
            via = f"{model.via} {passed}"
        if via is None:
            continue
        one = Reached(recipient.id, recipient.name, via, _of_recipient(recipient, disclosure))
        reached[recipient.id] = _joined(reached.get(recipient.id), one)
    return list(reached.values())


def _of_dataset_passed_on(holding: _Holding | None, disclosure: Disclosure, recipient: Recipient) -> str | None:
    """How the photographs reached the recipient in a dataset; None when none was in it any more on that day."""
    count = holding.on(disclosure.disclosed_on) if holding is not None else 0
    if holding is None or not count:
        return None
    return _(
        "%(recipient)s received dataset %(dataset)s with %(photographs)s in it on %(day)s.",
        recipient=isolated(recipient.name),
        dataset=isolated(_title(holding.dataset)),
        photographs=_photographs(count),
        day=isolated(disclosure.disclosed_on.isoformat()),
    )


def _of_recipient(recipient: Recipient, disclosure: Disclosure) -> dict[str, Any]:
    return {
        "contact": recipient.contact,
        "country": recipient.country,
        "disclosures": [
            {
                "dataset": disclosure.dataset_id,
                "model": disclosure.model_id,
                "disclosed_on": disclosure.disclosed_on.isoformat(),
                "basis": disclosure.basis,
            }
        ],
    }


def _joined(before: Reached | None, now: Reached) -> Reached:
    """One line for what was reached in two ways: the sentences and the lists of facts one after the other."""
    if before is None:
        return now
    facts = {
        name: before.facts[name] + value if isinstance(value, list) else value for name, value in now.facts.items()
    }
    return Reached(now.id, now.name, f"{before.via} {now.via}", facts)


def _title(row: Dataset | TrainedModel) -> str:
    return f"{row.name} {row.version}"


def _photographs(count: int) -> str:
    return ngettext("%(num)s of these photographs", "%(num)s of these photographs", count)
