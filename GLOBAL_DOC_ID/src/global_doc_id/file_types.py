"""Which files can carry an id inside, by extension or name, and how."""

from __future__ import annotations


class Form:
    """How files of a type carry an id: ``how``, the marks that begin a comment line, the usual one first.

    ``strings``: it has strings of several lines, in which a line that looks like a comment is none.
    """

    def __init__(self, how: str, marks: tuple[str, ...] = (), *, strings: bool = False) -> None:
        self.how = how
        self.marks = marks
        self.strings = strings


FRONT_MATTER = Form("front matter")
JSON = Form("json")
_HASH, _SLASHES, _BLOCK = Form("comment", ("#",)), Form("comment", ("//", "/*")), Form("comment", ("/*",))
_PYTHON, _PHP = Form("comment", ("#",), strings=True), Form("comment", ("//", "#", "/*"))
_DASHES, _MARKUP, _PERCENT = Form("comment", ("--",)), Form("comment", ("<!--",)), Form("comment", ("%",))
_SQL, _SEMICOLON, _INI = Form("comment", ("--", "/*")), Form("comment", (";",)), Form("comment", (";", "#"))
_BATCH = Form("comment", ("REM", "::"))

_EXTENSIONS = {
    FRONT_MATTER: "md markdown mdx qmd rmd",
    JSON: "json jsonld geojson webmanifest",
    _PYTHON: "py pyi pyw",
    _HASH: "pyx pxd sh bash zsh fish ksh rb rake gemspec pl pm r yaml yml toml cfg conf properties tf tfvars hcl mk cmake "
    "nix jl ps1 psm1 psd1 dockerfile ex exs awk tcl gd nim cr coffee graphql gql feature rego bzl bazel star just env "
    "gitignore gitattributes dockerignore editorconfig",
    _SLASHES: "js jsx mjs cjs ts tsx mts cts java kt kts scala go rs c h cc cpp cxx hpp hh hxx cs swift dart groovy gradle "
    "proto zig sol jsonc json5 scss less glsl vert frag wgsl hlsl cu v sv fs fsx d adoc asciidoc",
    _PHP: "php",
    _BLOCK: "css",
    _DASHES: "hs lua elm ada adb ads vhd vhdl purs",
    _SQL: "sql ddl",
    _MARKUP: "html htm xhtml xml svg xsd xsl xslt vue svelte plist xaml csproj fsproj vbproj props targets wsdl rss atom",
    _PERCENT: "tex sty cls erl hrl",
    _SEMICOLON: "lisp el clj cljs cljc edn scm rkt asm",
    _INI: "ini",
    _BATCH: "bat cmd",
}
_NAMES = {
    "makefile", "gnumakefile", "dockerfile", "containerfile", "gemfile", "rakefile", "vagrantfile", "justfile", "procfile",
    "codeowners", "cmakelists.txt", "requirements.txt", "build", "workspace", "pipfile",
}  # fmt: skip

BY_EXTENSION = {f".{extension}": form for form, extensions in _EXTENSIONS.items() for extension in extensions.split()}
"""Extension in lower case, with its dot."""


SIDECAR = "doc_ids.json"
"""The file that states ids for others of its folder."""


def sidecar_of(path: str) -> str:
    """The sidecar of a file's folder."""
    return f"{path.rpartition('/')[0]}/{SIDECAR}".lstrip("/")


def is_sidecar(path: str) -> bool:
    """Is this the path of a sidecar?"""
    return path.endswith(SIDECAR) and path.rpartition("/")[2] == SIDECAR


def form_of(path: str) -> Form | None:
    """How a file of this type carries an id inside; None: it cannot, or the type is not known."""
    name = path.rpartition("/")[2].lower()
    return _HASH if name in _NAMES else BY_EXTENSION.get(name[name.rfind(".") :] if "." in name else "")
