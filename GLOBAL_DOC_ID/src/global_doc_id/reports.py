"""Findings for people, programs, code scanning and the annotations of a pull request."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from global_doc_id.findings import RULES, Finding

FORMATS = ("text", "json", "sarif", "github")
SHOWN = "text"
"""For people, where nothing else is asked for."""


def report(form: str, findings: Sequence[Finding], files: int) -> str:
    """The findings in one of ``FORMATS``; empty for text and github without any. ``files``: how many were judged."""
    shown = [one._replace(what=plain(one.what), mend=plain(one.mend)) for one in findings]
    return _WRITERS[form](shown, files)


def plain(text: str) -> str:
    r"""Text on one line that is UTF-8: what cannot be shown, a line break in a file's name too, becomes ``\x0a``."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in _bytes(char))


def _bytes(text: str) -> bytes:
    """As the bytes that a name has on the disk; a surrogate that stands for no byte is encoded as if it were a character."""
    return b"".join(
        char.encode("utf-8", "surrogateescape" if "\udc80" <= char <= "\udcff" else "surrogatepass") for char in text
    )


def _text(findings: Sequence[Finding], _files: int) -> str:
    return "\n".join(str(one._replace(file=plain(one.file))) for one in findings)


def _json(findings: Sequence[Finding], files: int) -> str:
    return _dumps({"documents": files, "findings": [one._replace(file=plain(one.file))._asdict() for one in findings]})


def _sarif(findings: Sequence[Finding], _files: int) -> str:
    names = sorted(RULES)
    rules = [{"id": name, "shortDescription": {"text": RULES[name]}} for name in names]
    results = [_result(one, names.index(one.rule)) for one in findings]
    run = {
        "tool": {"driver": {"name": "doc-id", "rules": rules}},
        "originalUriBaseIds": {"ROOT": {"description": {"text": "The root of the repository."}}},
        "results": results,
        "columnKind": "unicodeCodePoints",
    }
    schema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
    return _dumps({"$schema": schema, "version": "2.1.0", "runs": [run]})


def _result(one: Finding, rule: int) -> dict[str, object]:
    from urllib.parse import quote

    place = {
        "artifactLocation": {"uri": quote(_bytes(one.file)), "uriBaseId": "ROOT"},
        "region": {"startLine": max(one.line, 1)},
    }
    return {
        "ruleId": one.rule,
        "ruleIndex": rule,
        "level": "error",
        "message": {"text": f"{one.what}; {one.mend}"},
        "locations": [{"physicalLocation": place}],
    }


def _github(findings: Sequence[Finding], _files: int) -> str:
    return "\n".join(_annotations(findings))


def _annotations(findings: Sequence[Finding]) -> Iterator[str]:
    for one in findings:
        file, title = _file(one.file), _property(f"doc-id {one.rule}")
        message = f"{one.what}; {one.mend}".replace("%", "%25")
        yield f"::error file={file},line={one.line},title={title}::{message}"


def _file(text: str) -> str:
    """A path as a property: what is not printable, or no UTF-8, is percent-encoded byte by byte, as ``%0A``."""
    return "".join(
        char if char.isprintable() and char not in "%:," else "".join(f"%{byte:02X}" for byte in _bytes(char))
        for char in text
    )


def _property(text: str) -> str:
    for char, escape in (("%", "%25"), (":", "%3A"), (",", "%2C")):
        text = text.replace(char, escape)
    return text


def _dumps(value: object) -> str:
    import json

    return json.dumps(value, indent=2, ensure_ascii=False)


_WRITERS: dict[str, Callable[[Sequence[Finding], int], str]] = {
    "text": _text,
    "json": _json,
    "sarif": _sarif,
    "github": _github,
}


def changes(paths: Sequence[str]) -> str:
    """What ``--fix`` changed."""
    return os.linesep.join(f"changed {plain(path)}" for path in paths)
