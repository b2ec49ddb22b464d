"""Guesses about a data file that nobody has described yet: names, values and the roles that columns may play."""
