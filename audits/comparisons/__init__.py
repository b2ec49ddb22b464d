"""Comparisons of approval between a group and its reference that several questions share."""
