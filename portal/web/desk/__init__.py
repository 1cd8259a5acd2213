"""The pages of the privacy team."""
