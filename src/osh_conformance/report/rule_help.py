"""Where a rule is explained: on a page below an address that the user chooses, or by the program."""

from __future__ import annotations


def page_name(rule: str) -> str:
    """Return the file name of the page of a rule."""
    return f"{rule.lower()}.md"


def page_address(rule: str, base: str) -> str:
    """Return the address of the page of a rule below `base`, "" without one. `{rule}` in it stands for `ref-2`."""
    if not base or not rule:
        return ""
    return base.replace("{rule}", rule.lower()) if "{rule}" in base else f"{base.rstrip('/')}/{page_name(rule)}"


def help_for(rule: str, base: str) -> str:
    """Return the address of a rule's page, or the command that explains the rule; "" for no rule."""
    if not rule:
        return ""
    return page_address(rule, base) or f"osh-conformance explain {rule}"
