"""Taking in what other systems know: manifests, Croissant, MLflow, DVC and OpenLineage.

A reader (one module for each format) says what a file tells, in the words of `facts`; `writing` compares that with what
is written down and adds what is new. Nothing is written before a file was read to its end, and reading it again adds
nothing. What cannot be matched is said with its reason, never guessed.
"""

from portal.lineage.importing.facts import Facts
from portal.lineage.importing.formats import FORMATS, format_of, read
from portal.lineage.importing.taking import take
from portal.lineage.importing.writing import Report, write

__all__ = ["FORMATS", "Facts", "Report", "format_of", "read", "take", "write"]
