"""What a container sees of where it runs."""

from __future__ import annotations

from pathlib import Path

from algokit.executors.inside import mounted

# The form is that of `man 5 proc_pid_mountinfo`.
MOUNTINFO = r"""
1 0 0:1 / / ro - overlay overlay rw
2 1 0:2 / /proc rw - proc proc rw
3 1 0:3 / /dev rw - tmpfs tmpfs rw
4 3 0:4 / /dev/shm rw - tmpfs shm rw
5 1 0:5 / /sys ro - sysfs sysfs ro
6 1 0:6 / /tmp rw - tmpfs tmpfs rw
7 1 8:1 /var/lib/x/hostname /etc/hostname rw - ext4 /dev/sda1 rw
8 1 8:1 /var/lib/x/hosts /etc/hosts rw - ext4 /dev/sda1 rw
9 1 8:1 /srv/mine/my\040data /data\040set ro - ext4 /dev/sda1 rw
10 1 8:1 /srv/mine/out /out rw - ext4 /dev/sda1 rw
11 1 8:1 /usr/bin/docker-init /sbin/docker-init ro - ext4 /dev/sda1 rw
"""


def test_folders_of_the_host_are_told_from_those_of_the_engine() -> None:
    assert mounted(MOUNTINFO.strip()) == [Path("/data set"), Path("/out")]
