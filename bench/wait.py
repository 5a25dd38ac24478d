"""Asks whether a server answers yet."""

import subprocess

import httpx


def up(
    url: str, process: subprocess.Popen[bytes] | None, headers: dict[str, str] | None = None
) -> bool:
    """Whether `url` answers 200. Raises RuntimeError when its process has ended."""
    if process is not None and process.poll() is not None:
        raise RuntimeError(f"the process that should serve {url} ended ({process.returncode})")
    try:
        return httpx.get(url, headers=headers, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False
