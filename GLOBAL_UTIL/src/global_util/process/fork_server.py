"""The process that forks supervisors: one for each orchestrator, started with its first program, ended with it."""

from __future__ import annotations

import atexit
import marshal
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

_SUPERVISOR = str(Path(__file__).with_name("supervisor.py"))
_PATIENCE_S = 10.0


class ForkServer:
    """Hands orders to ``supervisor.py``, whose text says what an order is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def order(self, order: Mapping[str, Any], descriptors: Sequence[int]) -> None:
        """Have a supervisor forked. Raises OSError when none can be."""
        body = marshal.dumps(dict(order))
        with self._lock:
            try:
                self._send(body, descriptors)
            except BrokenPipeError:
                # Somebody has killed it.
                self._end()
                self._send(body, descriptors)

    def _send(self, body: bytes, descriptors: Sequence[int]) -> None:
        channel = self._channel or self._start()
        if self._process is not None:
            # A program can have stopped it.
            self._process.send_signal(signal.SIGCONT)
        socket.send_fds(channel, [len(body).to_bytes(4, "little")], descriptors)
        channel.sendall(body)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-X", "utf8", _SUPERVISOR, str(theirs.fileno())],
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except BaseException:
                ours.close()
                raise
        self._channel = ours
        return ours

    def end(self) -> None:
        """Let it end. What it has forked ends by itself."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        channel, process = self._channel, self._process
        self._channel = self._process = None
        if channel is not None:
            channel.close()
        if process is not None:
            process.send_signal(signal.SIGCONT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE_S)

    def forget(self) -> None:
        """It belongs to another process: the one that this one was forked from."""
        if self._channel is not None:
            self._channel.close()
        if self._process is not None:
            self._process.returncode = 0
        self._lock, self._channel, self._process = threading.Lock(), None, None


SERVER = ForkServer()
"""This process's own."""
atexit.register(SERVER.end)
os.register_at_fork(after_in_child=SERVER.forget)
