"""Where the browser is. Run as a program it says so in one line; as root on Debian it installs one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"


def find_browser() -> str | None:
    """Path of a Chromium, or None."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    return MAC if os.path.exists(MAC) else None


def install_browser() -> None:
    """On Debian, as root, with the system's own package manager."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return
    sys.stdout.write("Installing Debian's chromium for the browser tests ...\n")
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], check=True, env=environ)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"]
    subprocess.run(install, check=True, env=environ, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    if find_browser() is None:
        install_browser()
    found = find_browser()
    told = f"Browser tests use {found}" if found else "NOT RUN: the browser tests. No Chromium was found; install one."
    sys.stdout.write(told + "\n")
