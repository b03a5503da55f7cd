"""What is done to valid input, and noise instead of it."""

from __future__ import annotations

import random

TOKENS = (
    *(
        b"---\n",
        b"---",
        b"...",
        b"doc_id:",
        b"doc_id",
        b"x-doc-id",
        b'"doc_id":',
        b"# doc_id: ",
        b"<!--",
        b"-->",
        b"/*",
    ),
    *(
        b"*/",
        b"[[",
        b"]]",
        b"[[[[",
        b"```\n",
        b"~~~\n",
        b"`",
        b"\\",
        b'"',
        b"'",
        b"{",
        b"}",
        b"[",
        b"]",
        b":",
        b",",
        b"=",
        b"#",
    ),
    *(
        b"\n",
        b"\r",
        b"\r\n",
        b"\t",
        b"\0",
        b"\x0b",
        b"\x0c",
        b"\x1c",
        b"\x85",
        b"\xc2\x85",
        b"\xe2\x80\xa8",
        b"\xef\xbb\xbf",
    ),
    *(
        b"\xff\xfe",
        b"\xed\xa0\x80",
        b"\xf0\x9f\x98\x80",
        b"\\u0044",
        b"\\ud800",
        b"NaN",
        b"-Infinity",
        b"1e999",
        b"9" * 5000,
    ),
    *(
        b"[" * 3000,
        b"{" * 500,
        b'{"a":' * 3000,
        b"(" * 500,
        b" " * 16_000,
        b"\t" * 300,
        b"- " * 500,
        b"*" * 300,
        b"**/" * 60,
    ),
    *(
        b"DOC-P2M001-DOC-003",
        b"DOC-P2M001-DOC-000",
        b"DOC-P2M001-DOC-0031",
        b"doc-p2m001-doc-003",
        b"XDOC-P2M001-DOC-003",
    ),
    *(
        "DOC-P2M\uff10\uff101-DOC-003".encode(),
        "ÐOC-P2M001-DOC-003".encode(),
        b"DOC-P2M001-DOC-003\0",
        b"null",
        b"true",
        b"version",
    ),
)
"""What readers stumble over: fences, other line ends, half characters, long and deep things, ids that are none."""


def _cut(chance: random.Random, content: bytes) -> bytes:
    start = chance.randrange(len(content) + 1)
    return content[:start] + content[start + chance.choice((1, 2, 8, 40, 10**6)) :]


def _insert(chance: random.Random, content: bytes) -> bytes:
    start = chance.randrange(len(content) + 1)
    return content[:start] + chance.choice(TOKENS) + content[start:]


def _flip(chance: random.Random, content: bytes) -> bytes:
    if not content:
        return b"\xff"
    at = chance.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << chance.randrange(8))]) + content[at + 1 :]


def _repeat(chance: random.Random, content: bytes) -> bytes:
    start = chance.randrange(len(content) + 1)
    return (
        content[:start]
        + content[start : start + chance.choice((1, 10, 80))] * chance.choice((2, 3, 500))
        + content[start:]
    )


def _shuffle(chance: random.Random, content: bytes) -> bytes:
    lines = content.splitlines(keepends=True)
    chance.shuffle(lines)
    return b"".join(lines)


def _line_ends(chance: random.Random, content: bytes) -> bytes:
    return content.replace(b"\n", chance.choice((b"\r\n", b"\r", b"\n\n", b"\x0c\n", b"\xe2\x80\xa8", b"")))


def _encode(chance: random.Random, content: bytes) -> bytes:
    text = content.decode("utf-8", "replace")
    return text.encode(chance.choice(("utf-16", "utf-16-le", "utf-8-sig", "utf-32", "cp500")), "replace")


def _bury(chance: random.Random, content: bytes) -> bytes:
    return (
        chance.choice((b"\n", b" ", b"#\n", b"x\n")) * chance.choice((1, 2, 4, 5, 6, 20, 20, 20 ** chance.randrange(4)))
        + content
    )


MUTATIONS = (_cut, _insert, _insert, _insert, _flip, _repeat, _shuffle, _line_ends, _encode, _bury)


def noise(chance: random.Random) -> bytes:
    """Bytes, characters, or tokens in any order."""
    size = chance.choice((0, 1, 3, 10, 50, 50, 200, 200, 1000, 20_000))
    if chance.random() < 0.3:
        return chance.randbytes(size)
    if chance.random() < 0.3:
        return "".join(map(chr, chance.choices(range(32, 0xD800), k=size // 4))).encode()
    return b"".join(chance.choices(TOKENS, k=min(size, 12)))
