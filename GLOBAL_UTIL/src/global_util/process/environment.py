"""The environment that tools and checks see: little, and nothing secret that was not named."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

_PROXIES = ("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy")
_KEPT = {"PATH", "HOME", "LANG", "TMPDIR", "TZ", "USER", "LOGNAME", *_PROXIES, *map(str.upper, _PROXIES)}
_KEPT_PREFIXES = ("LC_", "SSL_CERT_")
_FIXED = {"TERM": "dumb", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1", "GIT_TERMINAL_PROMPT": "0"}


def clean_environment(extra: Mapping[str, str], pass_through: Sequence[str] = ()) -> dict[str, str]:
    """The caller's PATH, home, locale, proxies and certificates; the variables named in ``pass_through``; then ``extra``.

    Variables of git (``GIT_*``) are never passed through, only set by ``extra``: they would lead a tool to another
    repository. Relative folders are taken out of PATH, because a worktree is the current folder.
    """
    own = os.environ
    env = {name: value for name, value in own.items() if name in _KEPT or name.startswith(_KEPT_PREFIXES)}
    env |= {name: own[name] for name in pass_through if name in own and not name.startswith("GIT_")}
    env["PATH"] = os.pathsep.join(
        folder for folder in env.get("PATH", os.defpath).split(os.pathsep) if folder.startswith("/")
    )
    return {**env, **_FIXED, **extra}
