"""What the checks of Great Expectations are called in a report."""

from __future__ import annotations

from checks.sentence import Sentence, template

_KNOWN = frozenset((
    template("column distinct values to be in set"),
    template("column distinct values to contain set"),
    template("column distinct values to equal set"),
    template("column kl divergence to be less than"),
    template("column max to be between"),
    template("column mean to be between"),
    template("column median to be between"),
    template("column min to be between"),
    template("column most common value to be in set"),
    template("column pair values a to be greater than b"),
    template("column pair values to be equal"),
    template("column pair values to be in set"),
    template("column proportion of non null values to be between"),
    template("column proportion of unique values to be between"),
    template("column quantile values to be between"),
    template("column stdev to be between"),
    template("column sum to be between"),
    template("column to exist"),
    template("column type to be"),
    template("column unique value count to be between"),
    template("column value lengths to be between"),
    template("column value lengths to equal"),
    template("column value z scores to be less than"),
    template("column values to be between"),
    template("column values to be in set"),
    template("column values to be in type list"),
    template("column values to be null"),
    template("column values to be of type"),
    template("column values to be unique"),
    template("column values to match like pattern"),
    template("column values to match like pattern list"),
    template("column values to match regex"),
    template("column values to match regex list"),
    template("column values to match strftime format"),
    template("column values to not be in set"),
    template("column values to not be null"),
    template("column values to not be outliers"),
    template("column values to not match like pattern"),
    template("column values to not match like pattern list"),
    template("column values to not match regex"),
    template("column values to not match regex list"),
    template("compound columns to be unique"),
    template("multicolumn sum to equal"),
    template("multicolumn values to be equal"),
    template("select column values to be unique within record"),
    template("table column count to be between"),
    template("table column count to equal"),
    template("table columns to match ordered list"),
    template("table columns to match set"),
    template("table row count to be between"),
    template("table row count to equal"),
    template("table row count to equal other table"),
))  # fmt: skip


def named_expectation(expectation: str) -> str:
    """``expect_column_mean_to_be_between`` → "column mean to be between"; a sentence where it is a well-known one."""
    words = expectation.replace("_", " ").removeprefix("expect ")
    return Sentence(words) if words in _KNOWN else words
