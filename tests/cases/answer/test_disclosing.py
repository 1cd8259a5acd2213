"""What a person reads about recipients and templates follows the rule of where they live."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from portal import clock
from portal.cases import law
from portal.cases.answer import disclosing
from portal.cases.law.reading import RIGHTS
from portal.lineage import members, records
from portal.tables import Case
from tests.cases.making import add_face, make_image, send, to_deciding

DAY = date(2014, 5, 1)
IT_HAPPENED = "It was so before anybody asked."


@pytest.fixture
def case(session: Session, tmp_path: Path) -> Case:
    """One photograph, in a dataset that two organisations in Germany and one elsewhere received."""
    case = send(session, "deletion", "access").case
    image = make_image(session, tmp_path / "store")
    add_face(session, image, (0, 0, 10, 10))
    dataset = records.add_dataset(session, "faces", "v1", DAY)
    members.put_in_dataset(session, dataset, [image], IT_HAPPENED)
    model = records.add_model(session, "demog", "2")
    records.add_training_use(session, model, dataset, clock.now().date(), despite=IT_HAPPENED)
    for name, country in (("Police", "Germany"), ("Partner", "Germany"), ("Lab", "")):
        recipient = records.add_recipient(session, name, f"{name.lower()}@example.org", country)
        records.add_disclosure(session, recipient, dataset, None, clock.now().date(), "licence", IT_HAPPENED)
        if name == "Lab":
            records.add_disclosure(session, recipient, None, model, clock.now().date(), "licence")
    to_deciding(session, case, image)
    return case


def lives_in(case: Case, place: str) -> None:
    """As if the person had said so when they asked."""
    for right in case.rights:
        rule = law.rules_for(place, right.right, date(2026, 11, 21))
        right.rule, right.rule_version = rule.id, rule.version


def names(session: Session, case: Case) -> list[str]:
    (photograph,) = disclosing.photographs(session, case)
    return [one.name for one in photograph.recipients]


@pytest.mark.parametrize("place", ["EU", "UK", "US-MN", "US-OR", "US-NH", ""])
def test_recipients_are_named(session: Session, case: Case, place: str) -> None:
    lives_in(case, place)
    assert names(session, case) == ["Lab", "Partner", "Police"]


@pytest.mark.parametrize("place", ["US-CA", "US-MD", "US-DE"])
def test_recipients_are_told_by_category(session: Session, case: Case, place: str) -> None:
    lives_in(case, place)
    (photograph,) = disclosing.photographs(session, case)
    assert [(one.name, one.via) for one in photograph.recipients] == [
        ("Organisations in Germany that received a dataset", "There are 2 of them."),
        ("Organisations that received a dataset and a model", "There is 1 of them."),
    ]
    told = repr(photograph.recipients)
    assert not any(word in told for word in ("Police", "Partner", "Lab", "example.org", "licence"))


def test_washington_wants_a_contact_for_each(session: Session, case: Case) -> None:
    lives_in(case, "US-WA")
    assert names(session, case) == [
        "Lab, lab@example.org",
        "Partner, partner@example.org",
        "Police, police@example.org",
    ]


def test_where_the_law_forbids_to_give_a_template_the_answer_says_so(case: Case) -> None:
    for place in ("US-CA", "US-MN", "US-CT", "US-MT"):
        lives_in(case, place)
        assert disclosing.FORBIDDEN in disclosing.about_templates(case)
    for place in ("EU", "UK", ""):
        lives_in(case, place)
        assert disclosing.about_templates(case) == disclosing.TEMPLATES


def test_a_template_is_described_with_particularity_wherever_one_lives(session: Session, case: Case) -> None:
    for place, _name in law.residences():
        lives_in(case, place)
        (photograph,) = disclosing.photographs(session, case)
        (described,) = photograph.templates
        assert described.sentence == "1 set of 128 numbers, made from your face in this photograph with drawn 1"


def test_the_rule_of_the_right_that_shows_pictures_decides(case: Case) -> None:
    assert {right.right for right in case.rights} == {"access", "deletion"}
    assert set(disclosing.ORDER) == set(RIGHTS)
    access = next(right for right in case.rights if right.right == "access")
    lives_in(case, "EU")
    access.rule, access.rule_version = "us-ca.access", 2
    assert disclosing.disclosure_of(case).recipients == "categories"
