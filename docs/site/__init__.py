"""Documentation build: reference pages generated from the code, and one static site of all pages.

`python -m docs.site` writes the generated parts of `docs/reference` anew and builds `docs/html`.
It reaches no network, and the site it builds loads nothing from another host.
"""
