"""The language of a file, told by its name, its ending, or the first line of a script."""

from __future__ import annotations

import re

_NAMES = {
    "BUILD": "starlark",
    "CMakeLists.txt": "cmake",
    "Dockerfile": "dockerfile",
    "GNUmakefile": "make",
    "Gemfile": "ruby",
    "Jenkinsfile": "groovy",
    "Makefile": "make",
    "Rakefile": "ruby",
    "makefile": "make",
}
_ENDINGS = {
    "bash": "shell",
    "c": "c",
    "cc": "cpp",
    "cfg": "ini",
    "cjs": "javascript",
    "cpp": "cpp",
    "cs": "csharp",
    "css": "css",
    "cts": "typescript",
    "dash": "shell",
    "go": "go",
    "h": "c",
    "hpp": "cpp",
    "html": "html",
    "ini": "ini",
    "ipynb": "notebook",
    "java": "java",
    "js": "javascript",
    "json": "json",
    "jsx": "javascript",
    "ksh": "shell",
    "kt": "kotlin",
    "md": "markdown",
    "mjs": "javascript",
    "mts": "typescript",
    "php": "php",
    "py": "python",
    "pyi": "python",
    "rb": "ruby",
    "rs": "rust",
    "rst": "restructuredtext",
    "scss": "scss",
    "sh": "shell",
    "sql": "sql",
    "svelte": "svelte",
    "swift": "swift",
    "toml": "toml",
    "ts": "typescript",
    "tsx": "typescript",
    "txt": "text",
    "vue": "vue",
    "xml": "xml",
    "yaml": "yaml",
    "yml": "yaml",
}
_SHELLS = frozenset({"sh", "bash", "dash", "ksh"})
_INTERPRETERS = {"node": "javascript", "perl": "perl", "python": "python", "ruby": "ruby"}
_SHEBANG = re.compile(r"#!\s*(?P<program>\S+)(?P<rest>[^\n]*)")
_MODES = {"120000": "link", "160000": "submodule"}

UNKNOWN = "unknown"


def tell_language(path: str, shebang: str = "", mode: str = "100644") -> str:
    """The language of ``path``; ``unknown`` when nothing tells it.

    ``shebang`` is the beginning of the file's text, ``mode`` its git mode: links and submodules have no language of
    their own, whatever their name says.
    """
    if mode in _MODES:
        return _MODES[mode]
    name = path.rsplit("/", 1)[-1]
    _, dot, ending = name.rpartition(".")
    if dot and ending.lower() in _ENDINGS:
        return _ENDINGS[ending.lower()]
    return _NAMES.get(name) or _script_language(shebang)


def _script_language(shebang: str) -> str:
    found = _SHEBANG.match(shebang)
    if not found:
        return UNKNOWN
    words = [found["program"], *found["rest"].split()]
    if words[0].endswith("/env"):
        words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
    program = re.sub(r"[\d.]+$", "", words[0].rsplit("/", 1)[-1]) if words else ""
    return "shell" if program in _SHELLS else _INTERPRETERS.get(program, UNKNOWN)
