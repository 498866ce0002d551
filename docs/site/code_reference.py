"""The reference of the code: modules, classes and functions, as pdoc3 reads them."""

import html
import inspect
import itertools
import re
from collections.abc import Iterator
from typing import Any

import pdoc  # type: ignore[import-untyped]  # It has no types.
from markupsafe import Markup
from pdoc.html_helpers import to_html  # type: ignore[import-untyped]  # The same.
from pygments import highlight  # type: ignore[import-untyped]  # The same.
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]  # The same.
from pygments.lexers import PythonLexer  # type: ignore[import-untyped]  # The same.

from docs.site.paths import PACKAGES
from docs.site.source_text import declaration_of, signature_of
from docs.site.tables import first_sentence

FOLDER = "code/"
"""Folder of the site that the code reference is in."""

ABOUT_CODE = f"A package imports only packages to its right: {' → '.join(PACKAGES)}."

_NAME = re.compile(r"(?<![\"'\w.])([A-Za-z_][\w.]*+)(?!:)")
"""A name in source text that may be documented; no text and no name of a parameter."""


def read_modules() -> list[Any]:
    """Return the packages with everything in them, without tests."""
    modules = [pdoc.Module(name, docfilter=_is_shown) for name in PACKAGES]
    pdoc.link_inheritance()
    return modules


def _is_shown(documented: Any) -> bool:  # noqa: ANN401 - pdoc has no types.
    return ".tests" not in documented.refname


def walk(modules: list[Any]) -> Iterator[Any]:
    """Yield modules and all that are below them, parents first."""
    for module in modules:
        if _is_shown(module):
            yield module
            yield from walk(module.submodules())


class ModuleView:
    """What the template of a module asks for."""

    def __init__(self, module: Any) -> None:  # noqa: ANN401 - pdoc has no types.
        self.module = module
        self.url = f"{FOLDER}{module.url()}"
        self.title = module.name
        self.lead = first_sentence(module.docstring).replace("`", "")
        self.submodules = [each for each in module.submodules() if _is_shown(each)]
        self.variables = module.variables(sort=False)
        self.functions = module.functions(sort=False)
        self.classes = module.classes(sort=False)

    def parents(self) -> list[Any]:
        """Return the packages around the module, outermost first."""
        names = self.module.name.split(".")[:-1]
        return [
            self.module.find_ident(name) for name in itertools.accumulate(names, "{}.{}".format)
        ]

    def link(self, documented: Any, name: str | None = None) -> str:  # noqa: ANN401 - The same.
        """Return a link to something documented; its name alone where it is of others."""
        name = name or documented.qualname
        if isinstance(documented, pdoc.External) or not _is_shown(documented):
            return str(name)
        return f'<a href="{self.href(documented)}" title="{documented.refname}">{name}</a>'

    def href(self, documented: Any) -> str:  # noqa: ANN401 - The same.
        """Return the relative URL of something documented."""
        return str(documented.url(relative_to=self.module))

    def html(self, documented: Any, *, is_brief: bool = False) -> Markup:  # noqa: ANN401 - The same.
        """Return a docstring, or its first paragraph, as HTML."""
        text = (
            documented.obj.__doc__ if isinstance(documented, pdoc.Class) else documented.docstring
        )
        text = inspect.cleandoc(text or "").split("\n\n")[0 : 1 if is_brief else None]
        text = to_html("\n\n".join(text), module=self.module, link=self.link)
        return Markup(re.sub(r"<(/?)h[1-4]\b", r"<\1h5", text))  # noqa: S704 - Our own docstrings.

    def signature(self, called: Any) -> Markup:  # noqa: ANN401 - The same.
        """Return parameters and result of a function or class as HTML."""
        return self._linked(signature_of(called.obj))

    def declaration(self, variable: Any) -> Markup:  # noqa: ANN401 - The same.
        """Return type and value of a variable as HTML."""
        return self._linked(declaration_of(variable)[0])

    def source(self, documented: Any) -> Markup:  # noqa: ANN401 - The same.
        """Return the highlighted source of a function or of a long value, or nothing."""
        text = documented.source if is_function(documented) else declaration_of(documented)[1]
        style = HtmlFormatter(cssclass="codehilite")
        return Markup(highlight(text, PythonLexer(), style) if text else "")  # noqa: S704 - The same.

    def _linked(self, text: str) -> Markup:
        """Return source text as HTML with links to what it names."""
        parts = [html.escape(part, quote=False) for part in _NAME.split(text)]
        parts[1::2] = map(self._resolved, parts[1::2])
        return Markup("".join(parts))  # noqa: S704 - Escaped above.

    def _resolved(self, name: str) -> str:
        known = getattr(self.module.obj, name, None)
        defined = f"{getattr(known, '__module__', '')}.{getattr(known, '__qualname__', name)}"
        found = self.module.find_ident(defined)
        found = self.module.find_ident(name) if isinstance(found, pdoc.External) else found
        is_member = isinstance(found, pdoc.Variable) and found.cls
        return name if is_member else self.link(found, name)

    def members(self, kind: Any) -> dict[str, list[Any]]:  # noqa: ANN401 - The same.
        """Return what a class declares itself, by the heading that it stands under.

        Attributes without a docstring are left out: the signature of the class has them.
        """
        declared = list(getattr(kind.obj, "__annotations__", ()))
        variables = [
            *kind.class_variables(include_inherited=False, sort=False),
            *kind.instance_variables(include_inherited=False, sort=False),
        ]
        variables.sort(key=lambda one: declared.index(one.name) if one.name in declared else 99)
        groups = {
            "Attributes": [variable for variable in variables if variable.docstring],
            "Static methods": kind.functions(include_inherited=False, sort=False),
            "Methods": kind.methods(include_inherited=False, sort=False),
        }
        return {title: members for title, members in groups.items() if members}

    def bases(self, kind: Any) -> list[Any]:  # noqa: ANN401 - The same.
        """Return the base classes that are of this project."""
        return [each for each in kind.mro() if not isinstance(each, pdoc.External)]


def is_function(documented: Any) -> bool:  # noqa: ANN401 - The same.
    """Tell whether something documented is a function or a method."""
    return isinstance(documented, pdoc.Function)
