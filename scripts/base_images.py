"""Gets the base images of the containers: pulled where that works, else stood in for locally.

A stand-in is Debian 12 from Debian's packages with the same Python (or Redis) major version and
the same tag. It shows that our images build and run; it is not the official image, and it says so.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MIRROR = "http://deb.debian.org/debian"
#: python3.11 is Debian 12's own; its dependencies are also what a copied Python 3.10 links to.
PACKAGES = ("python3.11", "python3.11-venv", "redis-server")
OLD_PYTHON = "python:3.10"
CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")


def needed() -> list[str]:
    """The images that our Dockerfiles and docker-compose.yml start from."""
    froms = [
        found
        for file in sorted((ROOT / "docker").glob("Dockerfile.*"))
        for found in re.findall(r"^FROM (\S+:\S+)", file.read_text(), re.MULTILINE)
    ]
    images = re.findall(r"^ +image: (\S+:\S+)", (ROOT / "docker-compose.yml").read_text(), re.M)
    return sorted(set(froms + images))


def provide(engine: list[str]) -> list[str]:
    """Makes every needed image available to `engine`; returns the ones that are stand-ins."""
    missing = [name for name in needed() if not _official(engine, name)]
    new = [name for name in missing if not _have(engine, _kept_as(name))]
    if new:
        print(f"cannot be pulled, so stood in for: {', '.join(new)}", flush=True)
        _make(engine, new)
    for name in missing:
        subprocess.run([*engine, "tag", _kept_as(name), f"docker.io/library/{name}"], check=True)
    return missing


def withdraw(engine: list[str], stand_ins: list[str]) -> None:
    """Takes the official names off the stand-ins again, so that nobody mistakes them later."""
    for name in stand_ins:
        # The image has another name too (`_kept_as`), so this takes away a name, not the image.
        _quiet([*engine, "rmi", f"docker.io/library/{name}"])


def _kept_as(name: str) -> str:
    return f"localhost/northlight-stand-in-{name.replace(':', '-')}:latest"


def _official(engine: list[str], name: str) -> bool:
    """Whether the real image is here, or can be had."""
    here, ours = _identity(engine, name), _identity(engine, _kept_as(name))
    return bool(here and here != ours) or _pull(engine, name)


def _identity(engine: list[str], name: str) -> str:
    command = [*engine, "image", "inspect", "--format", "{{.Id}}", name]
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def _have(engine: list[str], name: str) -> bool:
    return _quiet([*engine, "image", "inspect", name])


def _pull(engine: list[str], name: str) -> bool:
    return _quiet([*engine, "pull", "--quiet", f"docker.io/library/{name}"], seconds=900)


def _quiet(command: list[str], seconds: int = 60) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=seconds).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def _make(engine: list[str], names: list[str]) -> None:
    if os.geteuid() != 0 or not _debootstrap():
        sys.exit("A stand-in for an image that cannot be pulled needs root and debootstrap.")
    with tempfile.TemporaryDirectory(prefix="northlight-base-") as folder:
        root = Path(folder) / "root"
        _debian(root)
        # Python 3.10 last: from then on `python` in there means another version.
        for name in sorted(names, key=lambda name: name.startswith(OLD_PYTHON)):
            if name.startswith(OLD_PYTHON):
                _add_python310(root)
            _import(engine, root, name)


def _import(engine: list[str], root: Path, name: str) -> None:
    changes = [
        f"--change=ENV SSL_CERT_FILE=/{CERTIFICATES}",
        f"--change=ENV PIP_CERT=/{CERTIFICATES}",
        "--change=ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]
    if name.startswith("redis:"):
        changes.append("--change=VOLUME /data")
    archive = root.with_suffix(".tar")
    subprocess.run(["tar", "-C", root, "-cf", archive, "."], check=True)
    command = [*engine, "import", *changes, archive, _kept_as(name)]
    subprocess.run(command, check=True, capture_output=True)
    archive.unlink()


def _debootstrap() -> bool:
    if shutil.which("debootstrap"):
        return True
    install = "apt-get update -qq && apt-get install -qq -y --no-install-recommends debootstrap"
    return bool(shutil.which("apt-get")) and _quiet(["sh", "-c", install], seconds=300)


def _debian(root: Path) -> None:
    """A small Debian 12 that answers to the names the official images use."""
    command = ["debootstrap", "--variant=minbase", "--include=ca-certificates", "bookworm"]
    subprocess.run([*command, root, MIRROR], check=True, stdout=subprocess.DEVNULL)
    nothing_starts = root / "usr/sbin/policy-rc.d"
    nothing_starts.write_text("#!/bin/sh\nexit 101\n")
    nothing_starts.chmod(0o755)
    install = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *PACKAGES]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for act in (["apt-get", "update", "-qq"], install):
        subprocess.run(["chroot", root, *act], check=True, env=environment, capture_output=True)
    # This machine's certificates: it may reach the package index through a proxy of its own.
    if (here := Path("/") / CERTIFICATES).exists():
        shutil.copy(here, root / CERTIFICATES)
    for alias in ("python", "python3"):
        (root / "usr/local/bin" / alias).symlink_to("/usr/bin/python3.11")
    # The official Redis image's user and data folder.
    for file, user, group in (("etc/passwd", "redis", "redis"), ("etc/group", "redis", "redis")):
        lines = (root / file).read_text().splitlines()
        kept = [line for line in lines if not line.startswith(f"{user}:")]
        kept.append("redis:x:999:999::/data:/bin/sh" if file == "etc/passwd" else f"{group}:x:999:")
        (root / file).write_text("\n".join(kept) + "\n")
    (root / "data").mkdir()
    os.chown(root / "data", 999, 999)
    for waste in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc"):
        shutil.rmtree(root / waste, ignore_errors=True)


def _add_python310(root: Path) -> None:
    """A copy of this machine's Python 3.10: Debian 12 has none."""
    found = subprocess.run(
        [ROOT / "scripts" / "uv", "python", "find", "--no-project", "3.10"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    ask = "import sys; print(sys.base_prefix)"
    prefix = Path(subprocess.check_output([found, "-c", ask], text=True).strip())
    library = "lib/python3.10"
    shutil.copytree(
        prefix / library,
        root / "usr/local" / library,
        symlinks=True,
        ignore=shutil.ignore_patterns("site-packages", "test", "__pycache__", "*.a"),
    )
    (root / "usr/local" / library / "site-packages").mkdir()
    for shared in (prefix / "lib").glob("libpython3*.so*"):
        shutil.copy(shared, root / "usr/local/lib", follow_symlinks=False)
    shutil.copy(Path(found).resolve(), root / "usr/local/bin/python3.10")
    for alias in ("python", "python3"):
        (root / "usr/local/bin" / alias).unlink()
        (root / "usr/local/bin" / alias).symlink_to("python3.10")
    subprocess.run(["chroot", root, "ldconfig"], check=True)
