"""Comparing what a file tells with what is written down, and adding what is new. All of it, or nothing.

Datasets and models are known by name and version. The same name and version with another digest is refused: one of the
two is not what it is called.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from portal.errors import Conflict
from portal.lineage import derivations, records
from portal.lineage.importing.facts import DatasetFact, DerivedFact, Facts, ModelFact, Named, PictureFact, UseFact
from portal.lineage.members import batches, put_in_dataset
from portal.tables import Dataset, Image, TrainedModel, TrainingUse

Row = TypeVar("Row", Dataset, TrainedModel)
EXAMPLES = 20


@dataclass
class Report:
    """What an import did. `left_out` names at most 20 of what could not be matched, `left_out_count` is of all."""

    added: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    left_out: list[str] = field(default_factory=list)
    left_out_count: int = 0

    def leave_out(self, sentence: str) -> None:
        self.left_out_count += 1
        if len(self.left_out) < EXAMPLES:
            self.left_out.append(sentence)

    def count(self, what: str, is_new: bool, many: int = 1) -> None:
        (self.added if is_new else self.known)[what] += many


def write(session: Session, facts: Facts, despite: str = "") -> Report:
    """Add what is new. `despite`: why a use without a ground is written down all the same.

    Raises Conflict (another digest), BadInput (days that cannot be, a circle), NotAllowed (no ground).
    """
    report = Report()
    for sentence in facts.left_out:
        report.leave_out(sentence)
    for dataset in dict.fromkeys(_made_in_time(facts)):
        _write_dataset(session, report, dataset)
    for model in dict.fromkeys(facts.models):
        _write_model(session, report, model)
    for derived in dict.fromkeys(facts.derived):
        _write_derived(session, report, derived)
    _write_pictures(session, report, facts.pictures, despite)
    for use in dict.fromkeys(facts.uses):
        _write_use(session, report, use, despite)
    return report


def _made_in_time(facts: Facts) -> Iterator[DatasetFact]:
    """The datasets, each made on the first day on which it is spoken of: events come in any order."""
    days: dict[Named, date] = {}
    spoken = [(one.named, one.made_on) for one in facts.datasets] + [
        (use.dataset, use.trained_on) for use in facts.uses
    ]
    for named, day in spoken:
        days[named] = min(day, days.get(named, day))
    return (replace(one, made_on=days[one.named]) for one in facts.datasets)


def _write_dataset(session: Session, report: Report, fact: DatasetFact) -> None:
    row = _find(session, Dataset, fact.named)
    if row is None:
        records.add_dataset(
            session, fact.name, fact.version, fact.made_on, fact.description, fact.digest, fact.licence, fact.url
        )
        report.count("datasets", is_new=True)
        return
    _refuse_other_digest("dataset", fact.named, row.digest, fact.digest)
    row.digest = row.digest or fact.digest
    row.licence, row.url = row.licence or fact.licence, row.url or fact.url
    report.count("datasets", is_new=False)


def _write_model(session: Session, report: Report, fact: ModelFact) -> None:
    row = _find(session, TrainedModel, fact.named)
    if row is None:
        records.add_model(session, fact.name, fact.version, fact.weights, fact.purpose)
        report.count("models", is_new=True)
        return
    _refuse_other_digest("model", fact.named, row.weights_digest, fact.weights)
    row.weights_digest = row.weights_digest or fact.weights
    report.count("models", is_new=False)


def _refuse_other_digest(what: str, named: Named, known: str, said: str) -> None:
    if known and said and known != said:
        raise Conflict(
            f"The {what} {' '.join(named)} is written down with the digest {known}, and this file says {said}. "
            "One name and version cannot be two things: give one of them another version. Nothing was written.",
            "other-digest",
        )


def _write_derived(session: Session, report: Report, fact: DerivedFact) -> None:
    made, origin = (_either(session, fact.of_models, named) for named in (fact.made, fact.origin))
    if origin is None:
        report.leave_out(f"{' '.join(fact.made)} is based on {fact.origin[1]}, and no dataset has this address.")
        return
    assert made is not None, "what is made was added before"
    report.count("steps", derivations.say_made_from(session, made, origin, fact.made_on))


def _either(session: Session, is_model: bool, named: Named) -> Dataset | TrainedModel | None:
    if is_model:
        return _find(session, TrainedModel, named)
    if not named[0]:
        return session.scalar(select(Dataset).filter_by(url=named[1]).limit(1))
    return _find(session, Dataset, named)


def _write_use(session: Session, report: Report, fact: UseFact, despite: str) -> None:
    model, dataset = _find(session, TrainedModel, fact.model), _find(session, Dataset, fact.dataset)
    assert model is not None, "the model of a use was added before"
    assert dataset is not None, "the dataset of a use was added before"
    use = session.scalar(select(TrainingUse).filter_by(model_id=model.id, dataset_id=dataset.id))
    if use is None:
        records.add_training_use(session, model, dataset, fact.trained_on, run=fact.run, despite=despite)
    else:
        use.run = use.run or fact.run
    report.count("training uses", is_new=use is None)


def _write_pictures(session: Session, report: Report, pictures: list[PictureFact], despite: str) -> None:
    by_dataset: dict[Named, list[bytes]] = {}
    for picture in pictures:
        by_dataset.setdefault(picture.dataset, []).append(picture.digest)
    for named, digests in by_dataset.items():
        dataset = _find(session, Dataset, named)
        assert dataset is not None, "the dataset of a picture was added before"
        for batch in batches(digests):
            live = select(Image).where(Image.digest.in_(batch), Image.state == "live")
            images = list(session.scalars(live))
            found = {image.digest for image in images}
            for digest in batch:
                if digest not in found:
                    report.leave_out(f"No scan has seen a picture with the SHA-256 {digest.hex()}.")
            put(session, report, dataset, images, despite)


def put(session: Session, report: Report, dataset: Dataset, images: Iterable[Image], despite: str) -> None:
    """Put photographs into a dataset, and count what came of it."""
    done = put_in_dataset(session, dataset, images, despite)
    report.count("places", is_new=True, many=done.added)
    report.count("places", is_new=False, many=done.already)
    if done.kept_out:
        report.left_out_count += done.kept_out
        report.left_out.append(
            f"{done.kept_out:,} photographs stay out of {dataset.name} {dataset.version}: people opted out, or they "
            "were taken out before."
        )


def _find(session: Session, table: type[Row], named: Named) -> Row | None:
    return session.scalar(select(table).filter_by(name=named[0].strip(), version=named[1].strip()))
