"""How a request comes in: by the pages, by phone or by post, and how a draft becomes a case."""
