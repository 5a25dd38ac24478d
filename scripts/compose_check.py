"""Builds the images, boots docker-compose.yml whole, goes one journey through it, tears it down.

Works with Docker, or with Podman and podman-compose. Nothing of a service that already runs here
is touched: own project name, own secrets, own ports, own volume.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import base_images
from compose_journey import journey

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "northlight-check"
#: All of docker-compose.yml but the Telegram door, which needs a token and the internet.
SERVICES = ("redis", "engine", "worker", "janitor", "web", "console")
WELL_WITHIN = 180.0


class Containers:
    """The container engine of this machine and how it is spoken to."""

    def __init__(self, folder: Path) -> None:
        self.environ = dict(os.environ)
        if _works(["docker", "info"]):
            self.engine, self.compose = ["docker"], ["docker", "compose"]
        elif _works(["podman", "info"]):
            self.engine = ["podman"]
            self.compose = [str(ROOT / ".venv/bin/podman-compose")]
            self._without_systemd(folder)
        else:
            sys.exit("No container engine works here: install podman or docker.")
        self.environ |= {
            "NORTHLIGHT_SECRETS": str(folder / "secrets"),
            "NORTHLIGHT_WEB_PORT": str(_free_port()),
            "NORTHLIGHT_CONSOLE_PORT": str(_free_port()),
        }

    def _without_systemd(self, folder: Path) -> None:
        """Inside a container or on a machine without systemd Podman needs to be told so."""
        if Path("/run/systemd/system").exists() or os.geteuid() != 0:
            return
        runtime = "crun" if shutil.which("crun") else "runc"
        settings = folder / "containers.conf"
        settings.write_text(
            "[containers]\n"
            'default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]\n'
            '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
            f'runtime = "{runtime}"\n'
        )
        self.environ |= {"CONTAINERS_CONF": str(settings), "BUILDAH_ISOLATION": "chroot"}

    def run(self, *words: str, check: bool = True, text: str | None = None) -> str:
        """Runs the container engine; returns what it printed."""
        done = subprocess.run(
            [*self.engine, *words], env=self.environ, capture_output=True, text=True, input=text
        )
        if check and done.returncode != 0:
            sys.exit(f"{self.engine[0]} {' '.join(words)}: {done.stderr.strip()[-2000:]}")
        return done.stdout

    def up(self, *words: str) -> None:
        """Runs compose on our file, under the check's own project name."""
        command = [*self.compose, "-p", PROJECT, "-f", str(ROOT / "docker-compose.yml"), *words]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, cwd=ROOT)
        if done.returncode != 0:
            sys.exit(f"compose {' '.join(words)}: {(done.stdout + done.stderr)[-3000:]}")

    def name(self, service: str) -> str:
        """The container of a service."""
        label = f"label=com.docker.compose.service={service}"
        project = f"label=com.docker.compose.project={PROJECT}"
        command = ["ps", "-a", "--filter", label, "--filter", project, "--format", "{{.Names}}"]
        return self.run(*command).strip()

    def build(self) -> None:
        """Builds both images as docker-compose.yml says."""
        network = ["--network=host"] if "BUILDAH_ISOLATION" in self.environ else []
        for image in ("bot", "engine"):
            began = time.monotonic()
            self.run(
                "build", *network, "-t", f"northlight-{image}",
                "-f", str(ROOT / "docker" / f"Dockerfile.{image}"), str(ROOT),
            )  # fmt: skip
            print(f"built northlight-{image} in {time.monotonic() - began:.0f} s", flush=True)

    def well(self, service: str) -> bool:
        """Runs the service's own health check now: Podman without systemd never does by itself."""
        details = json.loads(self.run("inspect", self.name(service)))[0]
        config = details["Config"]
        test = (config.get("Healthcheck") or {})["Test"]
        words = ["sh", "-c", test[1]] if test[0] == "CMD-SHELL" else test[1:]
        command = [*self.engine, "exec", self.name(service), *words]
        done = subprocess.run(command, env=self.environ, capture_output=True)
        return done.returncode == 0


def _works(command: list[str]) -> bool:
    if shutil.which(command[0]) is None:
        return False
    return subprocess.run(command, capture_output=True).returncode == 0


def _free_port() -> int:
    """One below those the kernel hands out: it stays free while the images are built."""
    while True:
        port = random.randrange(20_000, 32_000)  # noqa: S311 - no secret
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_until_well(containers: Containers) -> None:
    """Waits until the health check of every service passes."""
    began = time.monotonic()
    left = list(SERVICES)
    while left:
        if containers.well(left[0]):
            print(f"{left.pop(0)} is well ({time.monotonic() - began:.0f} s)", flush=True)
        elif time.monotonic() - began > WELL_WITHIN:
            print(containers.run("logs", "--tail", "40", containers.name(left[0]), check=False))
            sys.exit(f"{left[0]} does not get well")
        else:
            time.sleep(1)


def check_walls(containers: Containers) -> None:
    """What must not be possible in there, is not."""
    for service in SERVICES:
        details = json.loads(containers.run("inspect", containers.name(service)))[0]
        host = details["HostConfig"]
        user = containers.run("exec", containers.name(service), "id", "-u").strip()
        status = containers.run("exec", containers.name(service), "cat", "/proc/1/status")
        lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        wrong = [
            what
            for what, bad in {
                "runs as root": user == "0",
                "can write to its own files": not host["ReadonlyRootfs"],
                "has capabilities": int(lines["CapEff"], 16) or int(lines["CapBnd"], 16),
                "may gain privileges": lines["NoNewPrivs"].strip() != "1",
            }.items()
            if bad
        ]
        if wrong:
            sys.exit(f"{service}: {', '.join(wrong)}")
    engine = containers.name("engine")
    routes = containers.run("exec", engine, "cat", "/proc/net/route").splitlines()[1:]
    if any(line.split()[1] == "00000000" for line in routes):
        sys.exit("the engine has a way out")
    if "master_key" in containers.run("exec", engine, "ls", "/run/secrets"):
        sys.exit("the engine has the master key")
    print("walls stand: no root, no capabilities, nothing writable, no way out for the engine")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave it running at the end")
    keep = parser.parse_args().keep
    folder = Path(tempfile.mkdtemp(prefix="northlight-compose-"))
    containers = Containers(folder)
    make_secrets = [sys.executable, str(ROOT / "scripts" / "make_secrets.py")]
    subprocess.run([*make_secrets, "--folder", folder / "secrets"], check=True, capture_output=True)
    stand_ins = base_images.provide(containers.engine)
    try:
        containers.build()
        containers.up("up", "-d", "--no-build")
        wait_until_well(containers)
        check_walls(containers)
        web = f"http://127.0.0.1:{containers.environ['NORTHLIGHT_WEB_PORT']}"
        console = f"http://127.0.0.1:{containers.environ['NORTHLIGHT_CONSOLE_PORT']}"
        journey(web, console, lambda: _doctor(containers))
        containers.run("restart", containers.name("redis"))
        wait_until_well(containers)
        if "people waiting: 1" not in (told := _doctor(containers)):
            sys.exit(f"the person who waited was lost when Redis was restarted:\n{told}")
        print("the person still waits after a restart of Redis")
    finally:
        if not keep:
            containers.up("down", "--volumes")
            shutil.rmtree(folder)
        base_images.withdraw(containers.engine, stand_ins)
    note = f" (stood in for: {', '.join(stand_ins)})" if stand_ins else ""
    print(f"compose check passed{note}")


def _doctor(containers: Containers) -> str:
    """What `python -m bot doctor` says inside, where Redis and the secrets are."""
    command = ["docker/entrypoint", "python", "-m", "bot", "doctor"]
    return containers.run("exec", containers.name("worker"), *command, check=False)


if __name__ == "__main__":
    main()
