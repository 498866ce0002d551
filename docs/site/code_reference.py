"""The reference of the code: modules, classes and functions, as pdoc3 reads them."""

import functools
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

FOLDER = "code/"
"""Folder of the site that the code reference is in."""

SOURCE_MAX_LINES = 400
"""Longer sources are left out of a page; the file itself is the better place to read them."""

LINE_MAX_CHARACTERS = 240
"""Characters of HTML, links included, above which parameters stand on lines of their own."""


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
        self.submodules = [each for each in module.submodules() if _is_shown(each)]
        self.variables = module.variables(sort=False)
        self.functions = module.functions(sort=False)
        self.classes = module.classes(sort=False)

    def parents(self) -> list[Any]:
        """Return the packages around the module, outermost first."""
        found: list[Any] = []
        module = self.module.supermodule
        while module is not None:
            found.insert(0, module)
            module = module.supermodule
        return found

    def link(self, documented: Any, name: str | None = None) -> str:  # noqa: ANN401 - The same.
        """Return a link to something documented; its name alone where it is of others."""
        name = name or documented.qualname
        if isinstance(documented, pdoc.External) or not _is_shown(documented):
            return str(name)
        return f'<a href="{self.href(documented)}" title="{documented.refname}">{name}</a>'

    def href(self, documented: Any) -> str:  # noqa: ANN401 - The same.
        """Return the relative URL of something documented."""
        return str(documented.url(relative_to=self.module))

    def html(self, documented: Any) -> Markup:  # noqa: ANN401 - The same.
        """Return a docstring as HTML."""
        text = to_html(documented.docstring, module=self.module, link=self.link)
        return Markup(re.sub(r"<(/?)h[1-4]\b", r"<\1h5", text))  # noqa: S704 - Our own docstrings.

    def summary(self, documented: Any) -> Markup:  # noqa: ANN401 - The same.
        """Return the first paragraph of a docstring as HTML."""
        text = documented.docstring.split("\n\n")[0]
        return Markup(to_html(text, module=self.module, link=self.link))  # noqa: S704 - The same.

    def signature(self, function: Any) -> Markup:  # noqa: ANN401 - The same.
        """Return parameters and result of a function as HTML."""
        parameters = function.params(annotate=True, link=self.link)
        returned = self.annotation(function.return_annotation, "→")
        return Markup(f"({_joined(parameters)}){returned}")  # noqa: S704 - The same.

    def class_signature(self, kind: Any) -> Markup:  # noqa: ANN401 - The same.
        """Return the arguments of a class as HTML."""
        parameters = kind.params(annotate=True, link=self.link)
        return Markup(f"({_joined(parameters)})" if parameters else "")  # noqa: S704 - The same.

    def type_of(self, variable: Any) -> Markup:  # noqa: ANN401 - The same.
        """Return the type of a variable as HTML."""
        return Markup(self.annotation(variable.type_annotation, ":"))  # noqa: S704 - The same.

    def annotation(self, annotate: Any, sign: str) -> str:  # noqa: ANN401 - The same.
        """Return an annotation as HTML behind a sign, or nothing."""
        text = annotate(link=self.link)
        return f" {sign} {text}" if text else ""

    def source(self, documented: Any) -> Markup:  # noqa: ANN401 - The same.
        """Return the highlighted source of a function, or nothing."""
        text = documented.source
        return Markup(_highlighted(text) if text.count("\n") < SOURCE_MAX_LINES else "")  # noqa: S704 - The same.

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


def _joined(parameters: list[str]) -> str:
    """Join parameters, one on each line where they are long together."""
    if sum(map(len, parameters)) <= LINE_MAX_CHARACTERS:
        return ", ".join(parameters)
    indent = "<br>&nbsp;&nbsp;&nbsp;&nbsp;"
    return indent + f",{indent}".join(parameters)


@functools.cache
def _highlighted(text: str) -> str:
    return str(highlight(text, PythonLexer(), HtmlFormatter(cssclass="codehilite")))


def is_function(documented: Any) -> bool:  # noqa: ANN401 - The same.
    """Tell whether something documented is a function or a method."""
    return isinstance(documented, pdoc.Function)
