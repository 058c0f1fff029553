"""Annotations for fields of data files that accept only certain texts. The loader checks them."""

from __future__ import annotations

from typing import Annotated

import msgspec

#: Keys of the annotation: the permitted values, or the name of a set of values that the loader's caller passes.
ONE_OF, KNOWN = "one_of", "known"
#: The name of the set of rule ids. The loader's caller passes it, because this package must not import the rules.
RULES = "rule"


def one_of(*values: str) -> msgspec.Meta:
    """Return the annotation of a text that must be one of `values`."""
    return msgspec.Meta(extra={ONE_OF: values})


#: The id of a rule that exists.
RuleId = Annotated[str, msgspec.Meta(extra={KNOWN: RULES})]
