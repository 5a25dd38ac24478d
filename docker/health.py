"""What a container's health check runs: `health.py URL | engine | worker | redis`; 0 is healthy.

A health check does not pass through the entrypoint, so secrets are read from their files here.
"""

import os
import sys
import urllib.request
from pathlib import Path


def main(what: str) -> int:
    """Asks the process beside us, or its Redis; raises or returns non-zero when it is not well."""
    if what.startswith("http"):
        return _answers(what)
    if what == "engine":
        token = Path(os.environ["NORTHLIGHT_ENGINE_TOKEN_FILE"]).read_text().strip()
        return _answers("http://127.0.0.1:5005/webhooks/northlight/health", token)
    return _redis(shards=what == "worker")


def _answers(url: str, token: str = "") -> int:
    # An empty token is a wrong one: then the console would refuse even to say that it is well.
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - our own addresses
    with urllib.request.urlopen(request, timeout=4) as answer:  # noqa: S310
        return int(answer.status != 200)


def _redis(*, shards: bool) -> int:
    import redis

    from bot.keys import SHARDS, Keys

    url = Path(os.environ["NORTHLIGHT_REDIS_URL_FILE"]).read_text().strip()
    with redis.Redis.from_url(url, socket_timeout=4) as client:
        client.ping()
        if shards:  # every inbox shard has an owner: everybody is answered
            held = client.exists(*(Keys().shard(shard) for shard in range(SHARDS)))
            return int(held != SHARDS)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
