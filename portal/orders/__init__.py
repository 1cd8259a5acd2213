"""Orders: erasing a whole source, store, dataset, list of accounts, or what is older than it may be."""
