"""Where photographs came from and where they went: sources, datasets, models, products and recipients."""

from portal.lineage.tracing import Reached, Trace, trace

__all__ = ["Reached", "Trace", "trace"]
