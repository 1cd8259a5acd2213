"""Why a right is refused: codes, and words for the person, which go on a sentence after "because"."""

from __future__ import annotations

from portal.languages import mark

# The first seven are those of the Data Rights Protocol 1.0; the others are ours.
REASONS = {
    "suspected_fraud": mark("we have good reason to think that this request is not honest"),
    "insuf_verification": mark("we could not make sure that the request comes from you"),
    "no_match": mark("we found no photographs of you"),
    "claim_not_covered": mark("the law that applies here does not give this right"),
    "outside_jurisdiction": mark("the law that gives this right does not apply where you live"),
    "too_many_requests": mark("you asked for the same thing a short time ago and nothing has changed since"),
    "other": mark("there is another reason, which we explain below"),
    "not_same_person": mark("people looked at the photographs, and they do not show you"),
    "exempt_legal": mark("a law or a court makes us keep them"),
    "cannot_search_store": mark("some of our collections could not be searched"),
    "partial": mark("we can do only a part of what you asked"),
}
