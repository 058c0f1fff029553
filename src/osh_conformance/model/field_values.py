"""Annotations for fields of data files that accept only certain values. The loader checks them."""

from __future__ import annotations

from typing import Annotated

import msgspec

#: Keys of the annotation: the permitted values; the name of a set of values that the loader's caller passes; the least
#: and the greatest number; a regular expression for the whole text, and what it means in words.
ONE_OF, KNOWN, WITHIN, SHAPE = "one_of", "known", "within", "shape"
#: The name of the set of rule ids. The loader's caller passes it, because this package must not import the rules.
RULES = "rule"


def one_of(*values: str) -> msgspec.Meta:
    """Return the annotation of a text that must be one of `values`."""
    return msgspec.Meta(extra={ONE_OF: values})


def within(least: float, greatest: float) -> msgspec.Meta:
    """Return the annotation of a number that must not be smaller or greater than these."""
    return msgspec.Meta(extra={WITHIN: (least, greatest)})


def shaped(pattern: str, meaning: str) -> msgspec.Meta:
    """Return the annotation of a text that a regular expression must match as a whole; `meaning` says it in words."""
    return msgspec.Meta(extra={SHAPE: (pattern, meaning)})


#: The id of a rule that exists.
RuleId = Annotated[str, msgspec.Meta(extra={KNOWN: RULES})]
