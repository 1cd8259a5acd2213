"""From an empty draft to a case: the whole way in, under one name.

A view opens a draft, saves answers, adds what to look with, and submits:
`drafts` keeps the answers, `looking` what a person is found with, `sending` opens the case.
"""

from portal.cases.arrival.drafts import find_draft, open_draft, read_answers, read_details, save_answers
from portal.cases.arrival.looking import (
    Prepared,
    add_account,
    add_digest,
    add_link,
    add_picture,
    choose_face,
    find_probe,
    is_usable,
    opened,
    prepare_picture,
    probes_of,
    remove_probe,
)
from portal.cases.arrival.sending import STEPS, Submitted, missing, submit

__all__ = [
    "STEPS",
    "Prepared",
    "Submitted",
    "add_account",
    "add_digest",
    "add_link",
    "add_picture",
    "choose_face",
    "find_draft",
    "find_probe",
    "is_usable",
    "missing",
    "open_draft",
    "opened",
    "prepare_picture",
    "probes_of",
    "read_answers",
    "read_details",
    "remove_probe",
    "save_answers",
    "submit",
]
