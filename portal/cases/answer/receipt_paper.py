"""That a request came, on paper: what was asked, by when it is answered, where to look. The secret words are not in it.

A file stays on a shared device longer than a page does, and it tells nothing that a search found.
"""

from __future__ import annotations

from portal.cases.answer.answers import Status
from portal.cases.paper import Paper
from portal.languages import current, day, isolated
from portal.languages import gettext as _


def as_pdf(status: Status, organisation: str, address: str, authority: str, logo: bytes | None = None) -> bytes:
    """The receipt as PDF, below the logo (PNG). Raises BadInput naming letters that no typeface has."""
    paper = Paper(_("Request sent"), current().code, f"{isolated(organisation)}, {isolated(status.reference)}")
    if logo is not None:
        paper.picture(logo, organisation)
    paper.heading(_("Request sent"), 1)
    paper.paragraph(_("Reference %(reference)s", reference=isolated(status.reference)))
    got_it_on, asked = _("We got it on"), _("You asked us to")
    paper.paragraph(f"{got_it_on}: {isolated(day(status.received_on))}")
    paper.paragraph(f"{asked}: {'; '.join(status.asked)}")
    paper.paragraph(_("We will answer by %(day)s.", day=isolated(day(status.answer_by))))
    paper.paragraph(
        _(
            "To see how far it is and to read the answer, you need this reference and your secret words:\n%(address)s",
            address=address,
        )
    )
    paper.paragraph(_("The secret words are not in this file. Keep them where only you look."))
    paper.paragraph(_("You can take your request back at any time until we begin to carry it out."))
    paper.paragraph(_("You can complain to %(authority)s at any time.", authority=authority))
    return paper.finish()
