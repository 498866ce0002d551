"""Generated regions of the reference pages.

A region stands between two comments, `<!-- generated: NAME -->` and `<!-- end -->`. What is
between them is replaced by what the function of that name returns; the rest of a page is prose.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from docs.site.generated_api import describe_calls, describe_fields, describe_updates
from docs.site.generated_commands import describe_commands, describe_targets
from docs.site.generated_errors import describe_errors, describe_exit_codes
from docs.site.generated_metrics import describe_log_events, describe_metrics
from docs.site.generated_settings import describe_settings
from docs.site.paths import DOCS

GENERATORS: dict[str, Callable[[], str]] = {
    "calls": describe_calls,
    "movie": describe_fields,
    "settings": describe_settings,
    "commands": describe_commands,
    "make targets": describe_targets,
    "errors": describe_errors,
    "exit codes": describe_exit_codes,
    "metrics": describe_metrics,
    "log events": describe_log_events,
    "updates": describe_updates,
}

_REGION = re.compile(r"(<!-- generated: ([a-z ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def regenerate(text: str) -> str:
    """Return a page with each of its generated regions written anew."""
    return _REGION.sub(lambda region: f"{region[1]}{GENERATORS[region[2]]()}\n{region[3]}", text)


def reference_pages() -> list[Path]:
    """Return the pages that may hold generated regions, by name."""
    return sorted((DOCS / "reference").glob("*.md"))


def stale_pages() -> Iterator[tuple[Path, str]]:
    """Yield each page that the code has outgrown, with its new text."""
    for page in reference_pages():
        text = page.read_text(encoding="utf-8")
        if (new_text := regenerate(text)) != text:
            yield page, new_text
