"""The questions of a request, one form each, and the order in which they come."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from sqlalchemy.orm import Session
from wtforms import BooleanField, HiddenField, RadioField, SelectMultipleField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length

from portal.cases.acting import mandates
from portal.cases.arrival import intake as rules
from portal.cases.arrival.drafts import HELPS_LONGEST
from portal.cases.arrival.looking import USABLE
from portal.cases.law import residences
from portal.languages import country, mark
from portal.languages import gettext as _
from portal.languages import lazy_gettext as _l
from portal.tables import Draft

RATHER_NOT = "unsaid"
# Countries by whose names one finds a place that stands for several: the European Economic Area.
EEA = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE IS LI NO"

RIGHTS = [
    ("access", mark("Find out if you have photos of me"), mark("You get an answer, and where the photos came from.")),
    ("copy", mark("Get a copy of them"), mark("You get the photos as a file.")),
    ("deletion", mark("Have them deleted"), mark("You get a certificate that you can check.")),
    ("opt-out", mark("Stop using them from now on"), mark("The photos stay, but are not used to train computers.")),
]
# Who ticks this finds out first: it is kept as that.
NOT_SURE = ("not-sure", mark("I am not sure"), mark("We look first. Then you choose what should happen."))
WHOM = [
    ("me", mark("Me"), ""),
    ("child", mark("A child I am responsible for"), ""),
    ("agent", mark("Somebody who asked me to do it for them"), ""),
    ("deceased", mark("Somebody who has died"), ""),
]
WAYS = [
    ("face", mark("A photo of my face"), mark("We compare it with the photos we have.")),
    ("link", mark("A link to a profile or a picture"), mark("The address of a page where the picture was shown.")),
    ("file", mark("The picture file itself"), mark("We look for the same picture, not for your face.")),
    ("account", mark("An account name"), mark("The name you had on a site or in an app.")),
]


def listed(choices: Iterable[tuple[str, str, str]]) -> list[SelectChoice]:
    """Choices for a field, from (value, text, hint), in the language of whoever reads them."""
    return [SelectChoice(value, _l(text), {"hint": hint and _l(hint)}) for value, text, hint in choices]


def places() -> list[tuple[str, str, str]]:
    """Where people may live, as far as a law is known for it, and the rest."""
    known = sorted([(code, name, "") for code, name in residences() if code], key=lambda place: _(place[1]))
    return [*known, (RATHER_NOT, mark("Somewhere else, or I would rather not say"), "")]


class Rights(FlaskForm):  # type: ignore[misc]
    rights = SelectMultipleField(
        _l("What would you like to do?"),
        [InputRequired(_l("Choose what you would like to do"))],
        choices=listed([*RIGHTS, NOT_SURE]),
        description=_l("You can choose more than one."),
    )


class Whom(FlaskForm):  # type: ignore[misc]
    for_whom = RadioField(_l("Who is this for?"), [InputRequired(_l("Choose who this is for"))], choices=listed(WHOM))


class Residence(FlaskForm):  # type: ignore[misc]
    residence = RadioField(
        _l("Where do you live?"),
        [InputRequired(_l("Choose where you live, or that you would rather not say"))],
        description=_l("The law there says how soon we must answer."),
    )

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.residence.choices = listed(places())
        for choice in self.residence.choices:
            choice.render_kw["also"] = " ".join(map(country, EEA.split())) if choice.value == "EU" else ""


class Ways(FlaskForm):  # type: ignore[misc]
    ways = SelectMultipleField(
        _l("How can we look for you?"),
        [InputRequired(_l("Choose at least one way"))],
        choices=listed(WAYS),
        description=_l("Choose what you like. You never need to send your face. More ways find more photos."),
    )


class Consent(FlaskForm):  # type: ignore[misc]
    consent = BooleanField(
        _l("Yes, you may compare my face with the photos you have"),
        [InputRequired(_l("Tick the box if you agree, or go on without a photo of your face"))],
    )


class Photo(FlaskForm):  # type: ignore[misc]
    photo = FileField(_l("Add a photo of your face"), description=_l("A new one or one you have. Up to 5 photos."))


class PictureFile(FlaskForm):  # type: ignore[misc]
    picture = FileField(_l("Add the picture file"), description=_l("The picture that you think we have."))
    digest = HiddenField()


class Link(FlaskForm):  # type: ignore[misc]
    text = StringField(
        _l("What is the link?"),
        [Length(max=2000, message=_l("This link is too long. Copy it again from the address bar"))],
        description=_l("Such as https://example.com/you. We never open it. We only compare it with our lists."),
    )


class AccountName(FlaskForm):  # type: ignore[misc]
    text = StringField(
        _l("What is the account name?"),
        [Length(max=300, message=_l("This name is too long. Write it as the site shows it"))],
        description=_l("As it was shown on the site or in the app."),
    )


class Contact(FlaskForm):  # type: ignore[misc]
    email = StringField(
        _l("What is your e‑mail address?"),
        [InputRequired(_l("Enter your e-mail address, or go on without one"))],
        description=_l(
            "We send a code to it, and later a note when there is news. The note never says what it is about."
        ),
    )


class Number(FlaskForm):  # type: ignore[misc]
    number = StringField(
        _l("What is your mobile number?"),
        [InputRequired(_l("Enter your mobile number, or choose another way"))],
        description=_l(
            "We text you a code, and later a note when there is news. The text never says what it is about. "
            "It has your reference and the address of this site."
        ),
    )


class CodeTyped(FlaskForm):  # type: ignore[misc]
    code = StringField(_l("Enter the code"), [InputRequired(_l("Enter the 6 digits that we sent"))])


class Helps(FlaskForm):  # type: ignore[misc]
    helps = TextAreaField(
        _l("Is there anything that helps us to find you?"),
        [Length(max=HELPS_LONGEST, message=_l("Use at most %(most)s characters", most=HELPS_LONGEST))],
        description=_l("You can leave this empty. For example: names you used, years, places."),
    )


class Send(FlaskForm):  # type: ignore[misc]
    """Only the button: what is sent was answered before."""


@dataclass(frozen=True)
class Progress:
    """What one request has so far. `lacks`: what is still to be shown by somebody who acts for another."""

    draft: Draft
    answers: dict[str, Any]
    kinds: frozenset[str]
    lacks: str | None = None

    @property
    def ways(self) -> list[str]:
        return list(self.answers.get("ways", []))


@dataclass(frozen=True)
class Step:
    """One page of the request. `endpoint` of its view; is it asked at all, and is it answered?"""

    name: str
    endpoint: str
    title: str
    asked: Callable[[Progress], bool]
    answered: Callable[[Progress], bool]


def _always(_progress: Progress) -> bool:
    return True


def _way(name: str) -> Callable[[Progress], bool]:
    return lambda progress: name in progress.ways


def _has(*names: str) -> Callable[[Progress], bool]:
    return lambda progress: all(name in progress.answers for name in names)


def _kind(name: str) -> Callable[[Progress], bool]:
    return lambda progress: name in progress.kinds


def _contact_settled(progress: Progress) -> bool:
    unwritten = bool(progress.answers.get("no_contact")) and progress.answers.get("for_whom") != "agent"
    return unwritten or progress.draft.contact_confirmed_at is not None


def _for_another(progress: Progress) -> bool:
    return mandates.is_acted_for(progress.answers)


STEPS = (
    Step("rights", "intake.question", mark("What you ask for"), _always, lambda p: bool(p.answers.get("rights"))),
    Step("whom", "intake.question", mark("Who it is for"), _always, _has("for_whom")),
    Step("residence", "intake.question", mark("Where you live"), _always, _has("residence")),
    Step("acting", "agents.acting", mark("For whom you act"), _for_another, lambda p: p.lacks != "acting"),
    Step("papers", "agents.papers", mark("What shows that you may"), _for_another, lambda p: p.lacks is None),
    Step("ways", "intake.question", mark("How we can look for you"), _always, lambda progress: bool(progress.ways)),
    Step(
        "consent",
        "intake.question",
        mark("Comparing your face"),
        _way("face"),
        lambda p: p.answers.get("consent") is True,
    ),
    Step("photos", "photos.photos", mark("Photos of your face"), _way("face"), _kind("selfie")),
    Step("links", "intake.names", mark("Links"), _way("link"), _kind("link")),
    Step("files", "photos.files", mark("Picture files"), _way("file"), _kind("picture")),
    Step("accounts", "intake.names", mark("Account names"), _way("account"), _kind("account")),
    Step("contact", "intake.contact", mark("Where we can write to you"), _always, _contact_settled),
    Step("helps", "intake.question", mark("What helps us"), _always, _has("helps")),
)
NAMES = {step.name: step for step in STEPS}


def progress_of(session: Session, draft: Draft) -> Progress:
    usable = (probe.kind for probe in rules.probes_of(session, draft) if probe.state in USABLE)
    lacks = mandates.lacks(session, draft)
    return Progress(draft, rules.read_answers(session, draft), frozenset(usable), lacks)


def next_open(progress: Progress) -> Step | None:
    """The first question that is asked and not answered; None when all are."""
    return next((step for step in STEPS if step.asked(progress) and not step.answered(progress)), None)


def before(name: str, progress: Progress) -> Step | None:
    """The question before this one; None before the first."""
    asked = [step for step in STEPS if step.asked(progress) or step.name == name]
    place = [step.name for step in asked].index(name)
    return asked[place - 1] if place else None
