"""The match queue, and how often reviewers err."""
