"""Annotations for fields of data files that take a few texts only; the loader checks them."""

from __future__ import annotations

from typing import Annotated

import msgspec

#: Keys of the annotation: the permitted values, or the name of a set of them that the caller of the loader gives.
ONE_OF, KNOWN = "one_of", "known"
#: The name of the set of rule ids. Only who may import the rules knows them.
RULES = "rule"


def one_of(*values: str) -> msgspec.Meta:
    """Annotate a text: it is one of these."""
    return msgspec.Meta(extra={ONE_OF: values})


#: The id of a rule that exists.
RuleId = Annotated[str, msgspec.Meta(extra={KNOWN: RULES})]
