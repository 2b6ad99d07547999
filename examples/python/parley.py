"""A Parley client in Python, with nothing but the standard library.

Content is end-to-end encrypted, so it goes through `parley rpc`, which holds the keys and speaks JSON lines on its
standard input and output. What is public (which nodes there are, how they do) comes straight from a node by HTTP.
"""

from __future__ import annotations

import json
import queue
import subprocess
import threading
import urllib.request
from typing import Any, Iterator, Sequence


class ParleyError(Exception):
    """What a request failed with. `code` is one of the codes in the API's documentation."""

    def __init__(self, code: str, message: str, retryable: bool) -> None:
        super().__init__(message)
        self.code = code
        self.retryable = retryable


class Call:
    """A request that is under way: iterate over it for its results."""

    def __init__(self, rpc: "Rpc", request_id: int) -> None:
        self._rpc = rpc
        self._id = request_id
        self._answers: "queue.SimpleQueue[dict[str, Any]]" = queue.SimpleQueue()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while True:
            answer = self._answers.get()
            if "result" in answer:
                yield answer["result"]
            elif "error" in answer:
                raise ParleyError(**answer["error"])
            elif answer.get("done"):
                return

    def cancel(self) -> None:
        """Ends a request that would go on for ever, like `tail`."""
        self._rpc.request({"cancel": self._id})


class Rpc:
    """`parley rpc` as a child process. Requests run side by side."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [*command, "rpc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", bufsize=1
        )
        self._lock = threading.Lock()
        self._last_id = 0
        self._calls: dict[int, Call] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def request(self, body: dict[str, Any]) -> Call:
        with self._lock:
            self._last_id += 1
            call = Call(self, self._last_id)
            self._calls[self._last_id] = call
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps({"id": self._last_id, **body}) + "\n")
            self._process.stdin.flush()
            return call

    def call(self, *verb: str) -> Call:
        """Any verb of `parley`, with its arguments: `rpc.call("read", "@bob", "--limit", "5")`."""
        return self.request({"verb": list(verb)})

    def one(self, *verb: str) -> dict[str, Any]:
        """The result of a verb that has exactly one."""
        [result] = self.call(*verb)
        return result

    def close(self) -> int:
        """Lets everything be done that was asked for. Returns the exit code."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            answer = json.loads(line)
            with self._lock:
                last = "done" in answer or "error" in answer
                call = self._calls.pop(answer["id"], None) if last else self._calls.get(answer["id"])
            if call is not None:
                call._answers.put(answer)
        with self._lock:
            left, self._calls = self._calls, {}
        for call in left.values():
            call._answers.put({"error": {"code": "cannot_connect", "message": "parley ended.", "retryable": True}})


def cluster(endpoint: str) -> dict[str, Any]:
    """The nodes and their load, as the node at `endpoint` sees them."""
    with urllib.request.urlopen(f"{endpoint}/v1/cluster", timeout=5) as answer:
        return json.load(answer)
