"""The command `python -m docs.site`."""

import sys

from docs.site.build import build_site
from docs.site.link_check import broken_links
from docs.site.regions import stale_pages

if __name__ == "__main__":
    for page, text in stale_pages():
        page.write_text(text, encoding="utf-8")
        print(f"{page.name} was out of date and has been written anew.", file=sys.stderr)
    pages = build_site()
    if broken := list(broken_links()):
        sys.exit("\n".join(["Broken links:", *broken]))
    print(f"{pages} pages: open docs/html/index.html")
