"""Disks of our own: images with a file system, mounted over a loop device."""

import os
import shutil
import subprocess

from .stage import CannotRun, run


def mount(stage, image, path):
    run("mount", "-o", "loop", image, path)
    stage.callback(unmount, path)


def unmount(path):
    if os.path.ismount(path) and subprocess.run(["umount", path], capture_output=True).returncode:
        subprocess.run(["umount", "-l", path], capture_output=True)


def new_disk(stage, path, megabytes, kind="ext4", image=None):
    """Makes a new disk mounted at a path. Its image is next to the path, unless another place is given."""
    if os.getuid() != 0:
        raise CannotRun("only root can mount")
    for program in (f"mkfs.{kind}", "losetup"):
        if not shutil.which(program):
            raise CannotRun(f"{program} is missing (Debian: e2fsprogs, xfsprogs, mount)")
    image = image or f"{path}.img"
    os.mkdir(path)
    run("truncate", "-s", f"{megabytes}M", image)
    # The space that ext4 reserves for root would make the disk full for other users only.
    run(f"mkfs.{kind}", "-q", *(["-m", "0"] if kind == "ext4" else []), image)
    mount(stage, image, path)
    return image


def fill(path):
    """Fills the rest of a disk, and can be called again. Returns the file that fills it."""
    ballast = f"{path}/ballast"
    with open(ballast, "ab", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue
        try:
            os.fsync(file.fileno())
        except OSError:
            pass
    return ballast
