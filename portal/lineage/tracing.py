"""The path of photographs: image -> dataset -> model -> product -> recipient, and back to the source.

A photograph that was taken out of a dataset is followed all the same: what was trained or passed on while it was in
there is touched by it for good. Only what happened on a later day than the removal is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from portal.languages import day as written
from portal.languages import gettext as _
from portal.languages import isolated, ngettext
from portal.lineage.derivations import made_from
from portal.lineage.members import Stay, batches, stays_of
from portal.lineage.outputs import outputs_about
from portal.tables import (
    Dataset,
    DatasetStore,
    Disclosure,
    Image,
    Product,
    Recipient,
    Source,
    Store,
    StoredOutput,
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
    outputs: list[Reached]
    products: list[Reached]
    recipients: list[Reached]


@dataclass
class _Holding:
    """How many of the photographs a dataset holds, and how many it held from when to when.

    `origin`: nobody has said which photographs are in it, but it was made from that one.
    """

    dataset: Dataset
    stays: list[Stay]
    origin: Dataset | None = None

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

    @property
    def since(self) -> date:
        return min(stay.since for stay in self.stays)

    @property
    def last(self) -> date | None:
        """The last day on which it held any of them; None while it still does."""
        last = max(stay.until for stay in self.stays)
        return None if last == STILL else last

    def on(self, day: date) -> int:
        """How many were in it on `day`."""
        return sum(stay.images for stay in self.stays if stay.since <= day <= stay.until)


def trace(session: Session, image_ids: Collection[int]) -> Trace:
    """Everything the images came from and went to. Images that are erased are followed, too."""
    holdings = _holdings(session, image_ids)
    models = _models(session, holdings)
    counts = _by_store(session, image_ids)
    return Trace(
        sources=_sources(session, counts),
        datasets=[_dataset(holding) for holding in holdings],
        models=models,
        outputs=_outputs(session, image_ids, holdings),
        products=_products(session, models),
        recipients=_recipients(session, holdings, models, counts),
    )


def _by_store(session: Session, image_ids: Collection[int]) -> dict[str, int]:
    """How many of the images each store holds, or held."""
    counts: dict[str, int] = {}
    for batch in batches(image_ids):
        in_stores = select(Image.store_id, func.count()).where(Image.id.in_(batch)).group_by(Image.store_id)
        for store_id, count in session.execute(in_stores):
            counts[store_id] = counts.get(store_id, 0) + count
    return counts


def _sources(session: Session, counts: dict[str, int]) -> list[Reached]:
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
    return sorted(_and_derived(session, holdings).values(), key=lambda holding: _title(holding.dataset))


def _and_derived(session: Session, holdings: dict[str, _Holding]) -> dict[str, _Holding]:
    """With the datasets that were made from these and of which nobody has said what is in them: it may be all."""
    listed = set(session.scalars(select(DatasetStore.dataset_id).distinct()))
    found = dict(holdings)
    for dataset_id, origin_id in made_from(session, Dataset, holdings).items():
        if dataset_id in listed or dataset_id in found or origin_id not in found:
            continue
        dataset, origin = session.get_one(Dataset, dataset_id), found[origin_id]
        images = origin.on(dataset.created_on)
        if images:
            stay = Stay(dataset_id, dataset.created_on, STILL, images)
            found[dataset_id] = _Holding(dataset, [stay], origin.dataset)
    return found


def _may_contain(holding: _Holding, origin: Dataset) -> str:
    return _(
        "Dataset %(dataset)s was made from dataset %(origin)s and may contain %(photographs)s.",
        dataset=isolated(_title(holding.dataset)),
        origin=isolated(_title(origin)),
        photographs=_photographs(holding.now),
    )


def _dataset(holding: _Holding) -> Reached:
    title = _title(holding.dataset)
    name, sentences = isolated(title), []
    if holding.origin is not None:
        sentences.append(_may_contain(holding, holding.origin))
    elif holding.now:
        now = _photographs(holding.now)
        sentences.append(_("Dataset %(dataset)s contains %(photographs)s.", dataset=name, photographs=now))
    for day, count in sorted(holding.until.items()):
        sentences.append(
            _(
                "Dataset %(dataset)s contained %(photographs)s until %(day)s.",
                dataset=name,
                photographs=_photographs(count),
                day=isolated(written(day)),
            )
        )
    facts = {
        "version": holding.dataset.version,
        "created_on": holding.dataset.created_on.isoformat(),
        "photographs": holding.now,
        "made_from": holding.origin.id if holding.origin else None,
        "taken_out": holding.ever - holding.now,
        "from": holding.since.isoformat(),
        "to": holding.last.isoformat() if holding.last else None,
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
    for model_id, origin_id in made_from(session, TrainedModel, list(reached)).items():
        if model_id not in reached:
            model = session.get_one(TrainedModel, model_id)
            made = _("Model %(model)s was made from this model.", model=isolated(_title(model)))
            via = f"{reached[origin_id].via} {made}"
            reached[model_id] = Reached(model_id, _title(model), via, _of_model(model, None))
    return list(reached.values())


def _of_training(holding: _Holding, count: int, use: TrainingUse, model: TrainedModel) -> str:
    said = {
        "dataset": isolated(_title(holding.dataset)),
        "photographs": _photographs(count),
        "model": isolated(_title(model)),
        "day": isolated(written(use.trained_on)),
    }
    if holding.origin is not None:
        trained = _("Model %(model)s was trained on it on %(day)s.", model=said["model"], day=said["day"])
        return f"{_may_contain(holding, holding.origin)} {trained}"
    if holding.now == count:
        return _("Dataset %(dataset)s contains %(photographs)s; model %(model)s was trained on it on %(day)s.", **said)
    return _("Dataset %(dataset)s contained %(photographs)s; model %(model)s was trained on it on %(day)s.", **said)


def _of_model(model: TrainedModel, use: TrainingUse | None) -> dict[str, Any]:
    return {
        "version": model.version,
        "weights_digest": model.weights_digest,
        "purpose": model.purpose,
        "trained": [_of_use(use)] if use is not None else [],
    }


def _of_use(use: TrainingUse) -> dict[str, Any]:
    return {
        "dataset": use.dataset_id,
        "trained_on": use.trained_on.isoformat(),
        "in_use_from": use.in_use_from.isoformat() if use.in_use_from else None,
        "in_use_to": use.in_use_to.isoformat() if use.in_use_to else None,
        "run": use.run,
    }


def _outputs(session: Session, image_ids: Collection[int], holdings: list[_Holding]) -> list[Reached]:
    counts = {holding.dataset.id: holding.ever for holding in holdings}
    return [
        Reached(one.id, f"{one.model.name} {one.model.version}", via, _of_output(one))
        for one, via in outputs_about(session, image_ids, counts)
    ]


def _of_output(output: StoredOutput) -> dict[str, Any]:
    return {
        "model": output.model_id,
        "kind": output.kind,
        "count": output.count,
        "kept_at": output.kept_at,
        "made_on": output.made_on.isoformat() if output.made_on else None,
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


def _recipients(
    session: Session, holdings: list[_Holding], models: list[Reached], counts: dict[str, int]
) -> list[Reached]:
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
                day=isolated(written(disclosure.disclosed_on)),
            )
            via = f"{model.via} {passed}"
        if via is None:
            continue
        given = _given(disclosure.disclosed_on, disclosure.basis, disclosure.dataset_id, disclosure.model_id)
        one = Reached(recipient.id, recipient.name, via, _of_recipient(recipient, given))
        reached[recipient.id] = _joined(reached.get(recipient.id), one)
    for one in _holders(session, counts):
        reached[one.id] = _joined(reached.get(one.id), one)
    return list(reached.values())


def _holders(session: Session, counts: dict[str, int]) -> Iterator[Reached]:
    """Who holds photographs that the portal reads, but does not hold itself."""
    found = select(Store, Recipient).join(Recipient, Store.holder_id == Recipient.id).where(Store.id.in_(counts))
    for store, recipient in session.execute(found.order_by(Recipient.name, Store.name)):
        via = _(
            "%(recipient)s holds %(photographs)s in the store %(store)s.",
            recipient=isolated(recipient.name),
            photographs=_photographs(counts[store.id]),
            store=isolated(store.name),
        )
        given = _given(store.created_at.date(), "", None, None, store.id)
        yield Reached(recipient.id, recipient.name, via, _of_recipient(recipient, given))


def _of_dataset_passed_on(holding: _Holding | None, disclosure: Disclosure, recipient: Recipient) -> str | None:
    """How the photographs reached the recipient in a dataset; None when none was in it any more on that day."""
    count = holding.on(disclosure.disclosed_on) if holding is not None else 0
    if holding is None or not count:
        return None
    if holding.origin is not None:
        day = isolated(written(disclosure.disclosed_on))
        received = _("%(recipient)s received it on %(day)s.", recipient=isolated(recipient.name), day=day)
        return f"{_may_contain(holding, holding.origin)} {received}"
    return _(
        "%(recipient)s received dataset %(dataset)s with %(photographs)s in it on %(day)s.",
        recipient=isolated(recipient.name),
        dataset=isolated(_title(holding.dataset)),
        photographs=_photographs(count),
        day=isolated(written(disclosure.disclosed_on)),
    )


def _given(day: date, basis: str, dataset: str | None, model: str | None, store: str | None = None) -> dict[str, Any]:
    """What a recipient has: one dataset, one model, or the photographs of one store, which they hold themselves."""
    return {"dataset": dataset, "model": model, "store": store, "disclosed_on": day.isoformat(), "basis": basis}


def _of_recipient(recipient: Recipient, given: dict[str, Any]) -> dict[str, Any]:
    return {"contact": recipient.contact, "country": recipient.country, "disclosures": [given]}


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
