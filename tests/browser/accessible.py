"""What is hard to use on a page: axe-core's rules for WCAG 2.2 A and AA, its own rules, and scrolling sideways."""

from __future__ import annotations

from typing import Any

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = """async options => (await axe.run(document, options)).violations.map(
    one => one.id + " " + one.nodes.map(node => node.target.join(" ")).slice(0, 5).join(", "))"""
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


def faults_of(page: Any, rules: tuple[str, ...] = ()) -> list[str]:
    """Faults of the page that is open, each as a line. `rules`: only these."""
    from axe_playwright_python.base import AXE_SCRIPT

    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    run_only = {"type": "rule", "values": rules} if rules else {"type": "tag", "values": TAGS}
    options = {"runOnly": run_only, "resultTypes": ["violations"]}
    faults = page.evaluate(RUN, options)
    return [*faults, "scrolls sideways"] if page.evaluate(WIDER) else list(faults)
