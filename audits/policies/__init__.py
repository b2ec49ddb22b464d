"""Dated rules in YAML, and what a run means under them."""
