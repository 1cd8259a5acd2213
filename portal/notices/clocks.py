"""When silence of a recipient has a consequence. These days are data: they stand here and nowhere else.

Counted from the day the notice first left, or was made where it could not. Laws name no days for recipients; the sum
stays within the month that the GDPR gives for the answer to the person (Art. 12(3)).
"""

from __future__ import annotations

from datetime import timedelta

# The notice is sent again, word for word.
REMINDERS = (timedelta(days=7), timedelta(days=14))
# A caseworker is told to see to it.
ESCALATION = timedelta(days=14)
# Nobody waits any longer: the certificate says that they could not be reached, and what was tried.
GIVE_UP = timedelta(days=21)
# An endpoint that does not take the notice is called again after so long; then at the next reminder.
CALL_AGAIN = (timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), timedelta(days=1))
# How often it is asked who else received one of the photographs.
LOOK_AGAIN = timedelta(days=1)
