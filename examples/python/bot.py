"""A bot that answers in any conversation it is in: `!echo TEXT` and `!nodes`.

A bot is an account like any other. Make one once, then let it run:

    npx parley --home /tmp/bot register helper
    python3 examples/python/bot.py --home /tmp/bot --endpoint http://127.0.0.1:8081
"""

from __future__ import annotations

import argparse
import signal

from parley import ParleyError, Rpc, cluster


def reply(text: str, endpoint: str) -> str | None:
    command, _, rest = text.partition(" ")
    if command == "!echo":
        return rest or "What shall I say?"
    if command == "!nodes":
        nodes = cluster(endpoint)["nodes"]
        return ", ".join(f"{node['id']} is {'up' if node['up'] else 'down'}" for node in nodes)
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description="A bot for Parley.")
    parser.add_argument("--home", required=True, help="where the bot's keys are")
    parser.add_argument("--endpoint", required=True, help="URL of a node")
    parser.add_argument("--parley", default="npx --no-install parley", help="how parley is started")
    options = parser.parse_args()

    rpc = Rpc([*options.parley.split(), "--home", options.home, "--endpoint", options.endpoint])
    me = rpc.one("whoami")["account"]
    feed = rpc.call("tail")
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: feed.cancel())
    print(f"{me} listens", flush=True)
    for message in feed:
        if message["from"] == me or message["text"] is None:
            continue
        answer = reply(message["text"], options.endpoint)
        if answer is None:
            continue
        try:
            rpc.one("send", f"room:{message['room']}", answer)
        except ParleyError as error:
            print(f"not answered: {error} ({error.code})", flush=True)
    raise SystemExit(rpc.close())


if __name__ == "__main__":
    main()
