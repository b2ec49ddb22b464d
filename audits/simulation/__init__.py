"""Worlds whose truth is known: each a fair lender and, with an effect, the same lender doing harm."""
