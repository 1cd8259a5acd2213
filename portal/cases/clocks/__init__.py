"""The days of a case: counting them, waiting, pausing, and more time."""
