"""What a person reads, in the person's language.

How to mark what people read:

    from portal.languages import gettext as _, ngettext             # while somebody reads: a view, a mail, a letter
    _("We got your request.")
    _("Your request %(reference)s", reference=isolated(reference))  # never an f-string, never `+`: word order differs
    ngettext("%(num)s photograph", "%(num)s photographs", count)    # `num` is given

    from portal.languages import lazy_gettext as _l                 # where a module is loaded: labels of forms
    from portal.languages import mark                               # in a table of texts; `_(text)` where it is shown

In pages: `{{ _("...") }}`, `{{ _("...", name=value) }}`, `{{ ngettext(one, many, count) }}`, or `{% trans %}`
around a text with tags in it; `{{ reference|bdi }}` for a reference or a date, `|day`, `|moment`, `|number`.
A literal per cent sign is written `%%`, everywhere. The English text is the name of a message: one literal, and
whole sentences.

Who speaks: the web sets the language of each request; workers and mails wrap what they write in
`with speaking(case.language):`. Outside of both it is English. Dates and numbers: `day`, `moment`, `number`, below.

The texts are in `portal/languages/<code>/messages.po` and nowhere else: they are read once, when first needed.
`python -m portal.languages extract` brings them up to date with the source, `check` says what is missing or wrong.
What is not translated is shown in English.
"""

from __future__ import annotations

from portal.languages.catalogues import ENGLISH, LANGUAGES, Language, catalogue, known
from portal.languages.formats import country, day, moment, number
from portal.languages.speaking import current, speaking
from portal.languages.texts import gettext, isolated, lazy_gettext, mark, ngettext

__all__ = [
    "ENGLISH",
    "LANGUAGES",
    "Language",
    "catalogue",
    "country",
    "current",
    "day",
    "gettext",
    "isolated",
    "known",
    "lazy_gettext",
    "mark",
    "moment",
    "ngettext",
    "number",
    "speaking",
]
