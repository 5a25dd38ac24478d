"""Makes what docker-compose.yml reads from docker/secrets/. Never changes a file that is there.

NORTHLIGHT_SECRETS, in the environment or in .env, names another folder, as it does for containers.
The engine's token and key follow from the master key; Redis gets passwords of its own.
"""

import argparse
import os
import re
import secrets
import sys
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bot.embedded import access_list, private_dir  # noqa: E402
from bot.vault import Ring, Vault  # noqa: E402


def make(folder: Path) -> list[str]:
    """Completes `folder`; returns the names of the files it made.

    Ends with words when the engine's secrets are not those of the master key: bot and engine would
    not know each other, and everybody would get the fixed menu.
    """
    private_dir(folder)
    made: list[str] = []

    def held(name: str) -> str:
        path = folder / name
        return path.read_text().strip() if path.exists() else ""

    def keep(name: str, text: str) -> str:
        """What the file holds: what it held before, else `text`."""
        path = folder / name
        if path.exists():
            return held(name)
        # The folder is closed to others; the files are not, so that the containers' users, who
        # are nobody on this machine, can read the ones that are handed to them.
        path.write_text(text + "\n" if text else "")
        path.chmod(0o444 if text else 0o644)
        made.append(name)
        return text

    master = held("master_key") or secrets.token_hex(32)
    vault = Vault(Ring.parse(master))
    follows = {"engine_token": vault.engine_token, "engine_key": vault.engine_key}
    if any(held(name) not in ("", text) for name, text in follows.items()):
        sys.exit(
            f"{folder}: engine_token and engine_key were made with another master_key: put that "
            "one back; or, to begin anew with a new one, remove these two as well"
        )
    for name, text in {"master_key": master, **follows}.items():
        keep(name, text)
    bot = keep("redis_url", f"redis://bot:{secrets.token_hex(24)}@redis:6379/0")
    engine = keep("engine_redis_url", f"redis://engine:{secrets.token_hex(24)}@redis:6379/0")
    bot_password, engine_password = (urlsplit(url).password or "" for url in (bot, engine))
    keep("redis_acl", access_list(engine_password, secrets.token_hex(32), bot_password).strip())
    keep("telegram_token", "")
    keep("telegram_webhook_secret", secrets.token_hex(24))
    keep("oidc_client_secret", "")
    keep("paging_secret", "")
    return made


def folder_of_containers(root: Path = ROOT) -> Path:
    """The folder docker-compose.yml reads: what is set, else in .env beside it, else our own."""
    named = os.environ.get("NORTHLIGHT_SECRETS")
    env = root / ".env"
    if named is None and env.exists():
        lines = re.findall(r"^\s*NORTHLIGHT_SECRETS\s*=(.*)$", env.read_text(), re.MULTILINE)
        named = lines[-1].partition(" #")[0].strip().strip("\"'") if lines else None
    return root / (named or "docker/secrets")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=folder_of_containers())
    folder = parser.parse_args().folder
    made = make(folder)
    print(f"{folder}: made {', '.join(made)}." if made else f"{folder}: complete.")
    print("Keep a copy of master_key in a safe place: without it nothing stored can be read.")


if __name__ == "__main__":
    main()
