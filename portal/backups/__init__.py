"""Copies of an installation, and putting one back so that nothing comes back that was erased since."""
