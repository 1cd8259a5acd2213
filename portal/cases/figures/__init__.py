"""How requests went, for the privacy team and for the public."""
