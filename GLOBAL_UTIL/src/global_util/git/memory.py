"""Answers about git objects are remembered: an object never changes, and asking git takes a process each time."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")
_FULL = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def remembered(size: int) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """Remember the last ``size`` answers of a method whose arguments name objects by their full ids, or are values.

    Each instance has a memory of its own, which ends with it.

    With a name that may lead elsewhere tomorrow (a branch, a short id) it is asked anew. Who asks gets the same answer
    object as who asked before: it must be immutable, or left alone.
    """

    def remember(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        memories: weakref.WeakKeyDictionary[Any, Callable[..., R]] = weakref.WeakKeyDictionary()

        def memory(of: S) -> Callable[..., R]:
            if of not in memories:
                itself = weakref.ref(of)

                def ask(*args: Any) -> R:
                    whose = itself()
                    assert whose is not None
                    return method(whose, *args)  # type: ignore[call-arg]

                memories[of] = lru_cache(maxsize=size)(ask)
            return memories[of]

        @wraps(method)
        def answer(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            fixed: list[Any] = [tuple(one) if isinstance(one, list) else one for one in args]
            if kwargs or not all(_FULL.fullmatch(one) for one in fixed if isinstance(one, str)):
                return method(self, *args, **kwargs)
            return memory(self)(*fixed)

        return answer

    return remember
