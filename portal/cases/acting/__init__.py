"""Asking for somebody else: who may, what shows it, and the word of the person it is about."""
