"""What can go wrong, as a tree. Every sentence is written for the person who will read it.

EffaceError
├── BadInput          the person can put it right           page 422, command exit 2
│   ├── BadPicture    the bytes are not a picture we can open safely
│   ├── BadProbe      the picture opens, but cannot be searched with
│   └── BadManifest   a line of a manifest is wrong
├── NotAllowed        this person may not do this            page 403
├── NotFound          no such thing, or not theirs           page 404
│   └── Gone          it was there, and was used or has expired   page 410
├── Conflict          somebody else was faster, or it has changed since   page 409
├── TooLarge          more bytes than the installation takes page 413
├── TooMany           tried too often                        page 429
├── Unavailable       a store, the queue or the disk is away page 503, tried again later
│   └── StoreUnavailable
│       └── StoreForbids   it answers, and says no: a person has to see to that, not time
├── LostLease         another worker holds this row now: stop without recording
└── UnsafeConfig      a setting that would be unsafe; the portal refuses to start
"""


class EffaceError(Exception):
    """Base of all. `code` is stable and machine-readable, `sentence` says what happened and what to do."""

    status = 500
    code = "error"

    def __init__(self, sentence: str, code: str | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        if code is not None:
            self.code = code


class BadInput(EffaceError):
    status = 422
    code = "bad-input"


class BadPicture(BadInput):
    code = "bad-picture"


class BadProbe(BadInput):
    code = "bad-probe"


class BadManifest(BadInput):
    code = "bad-manifest"


class NotAllowed(EffaceError):
    status = 403
    code = "not-allowed"


class NotFound(EffaceError):
    status = 404
    code = "not-found"


class Gone(NotFound):
    status = 410
    code = "gone"


class Conflict(EffaceError):
    status = 409
    code = "conflict"


class TooLarge(EffaceError):
    status = 413
    code = "too-large"


class TooMany(EffaceError):
    """`minutes`: how long to wait, where it is known."""

    status = 429
    code = "too-many"

    def __init__(self, sentence: str, code: str | None = None, minutes: int | None = None) -> None:
        super().__init__(sentence, code)
        self.minutes = minutes


class Unavailable(EffaceError):
    status = 503
    code = "unavailable"


class StoreUnavailable(Unavailable):
    code = "store-unavailable"


class StoreForbids(StoreUnavailable):
    """The store is there and refuses: however often it is tried, somebody has to give a right first."""

    code = "store-forbidden"


class ObjectUnreadable(StoreUnavailable):
    """One object of a store cannot be read; the store itself is there."""

    code = "object-unreadable"


class LostLease(EffaceError):
    code = "lost-lease"


class UnsafeConfig(EffaceError):
    code = "unsafe-config"
