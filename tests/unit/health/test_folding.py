"""Findings of many shops with the same cause are one."""

from __future__ import annotations

from dataclasses import replace

from webhook_app.health.finding import Finding, Severity
from webhook_app.health.folding import folded


def refused(shop: str, severity: Severity = Severity.ERROR, summary: str = "instance key refused") -> Finding:
    return Finding("breaker", severity, f"{shop}: refused.", "Correct it.", shop, summary=summary)


def test_many_shops_are_one_line() -> None:
    """With their number, what is the same, and each of them inside."""
    [group] = folded([refused(f"s{number}") for number in range(49)])
    assert (group.text, group.advice) == ("49 shops: instance key refused.", "Correct it.")
    assert len(group.findings) == 49


def test_advice_names_no_shop_of_many() -> None:
    """A command is the same for all but for the shop."""
    many = [replace(refused(name), advice=f"Correct it. Then: resume --shop {name}") for name in "abc"]
    assert [group.advice for group in folded(many)] == ["Correct it. Then: resume --shop NAME"]
    assert folded(many[:1])[0].advice == "Correct it. Then: resume --shop a"


def test_the_advice_of_many_is_made_once() -> None:
    """A page asks for it beside each of a thousand findings."""
    [group] = folded([replace(refused(name), advice=f"resume --shop {name}") for name in "abc"])
    assert group.advice is group.advice


def test_different_causes_and_few_shops_are_not_folded() -> None:
    """Nor different severities; the worst come first."""
    found = [
        refused("a", Severity.WARNING),
        refused("b"),
        refused("c"),
        *(refused(name, summary="") for name in "def"),
    ]
    groups = folded(found)
    assert [group.text for group in groups] == [f"{name}: refused." for name in "bcdefa"]
