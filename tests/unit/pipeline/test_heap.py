from __future__ import annotations

import platform
import resource
import subprocess
import sys

import pytest

MEASURE = """
import resource, sys, torch
from concurrent.futures import ThreadPoolExecutor
from algokit.pipeline.heap import reused_memory

def faults_of_a_batch():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    layers = [torch.ones(2**22) for _ in range(12)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident_pages():
    return int(open("/proc/self/statm").read().split()[1])

def measured(run):
    run(faults_of_a_batch)
    run(faults_of_a_batch)
    with reused_memory():
        run(faults_of_a_batch)
        inside, kept = min(run(faults_of_a_batch) for _ in range(4)), resident_pages()
    print(inside, kept - resident_pages())

if sys.argv[1] == "main":
    measured(lambda work: work())
else:
    with ThreadPoolExecutor(1) as pool:
        measured(lambda work: pool.submit(work).result())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library is asked to keep memory")
@pytest.mark.parametrize("thread", ["main", "another"])
def test_batches_find_the_memory_of_those_before_them_and_it_is_given_back_at_the_end(thread: str) -> None:
    done = subprocess.run([sys.executable, "-c", MEASURE, thread], capture_output=True, text=True, check=True)
    inside, given_back = map(int, done.stdout.split())
    batch_pages = 12 * 4 * 2**22 // resource.getpagesize()
    assert inside < batch_pages / 4
    assert given_back > 0.8 * batch_pages
