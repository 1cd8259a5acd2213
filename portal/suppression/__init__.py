"""May this content come in? What was erased is stopped when it comes again, also saved anew.

A suppression keeps the least that this needs: a keyed digest of the bytes, and the near-duplicate digest sealed. It
counts until it expires. `intake` ones stop everything; `datasets` ones (opt-outs) keep content out of datasets only.
What an order erased is kept in chunks, one row for thousands of photographs.

Who asks for it may have a protected template of their face kept, too (`faces`). It is compared with what comes in and
with nothing else, and it stops nothing by itself: what is near to it is held back until a person has looked.
"""

from portal.suppression.digests import PURPOSE
from portal.suppression.faces import Faces, forget_face, keep_face
from portal.suppression.gate import Gate, newest
from portal.suppression.promising import YEAR, Promised, forget_photographs, suppress, suppress_many

__all__ = [
    "PURPOSE",
    "YEAR",
    "Faces",
    "Gate",
    "Promised",
    "forget_face",
    "forget_photographs",
    "keep_face",
    "newest",
    "suppress",
    "suppress_many",
]
