from __future__ import annotations

import platform
import resource
import subprocess
import sys

import pytest

MEASURE = """
import resource, torch
from algokit.pipeline.heap import reused_memory

def faults_of_a_batch():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    layers = [torch.ones(2**22) for _ in range(12)]
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident_pages():
    return int(open("/proc/self/statm").read().split()[1])

faults_of_a_batch()
faults_of_a_batch()
with reused_memory():
    faults_of_a_batch()
    inside, kept = min(faults_of_a_batch() for _ in range(4)), resident_pages()
print(inside, kept - resident_pages())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library is asked to keep memory")
def test_batches_find_the_memory_of_those_before_them_and_it_is_given_back_at_the_end() -> None:
    done = subprocess.run([sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True)
    inside, given_back = map(int, done.stdout.split())
    batch_pages = 12 * 4 * 2**22 // resource.getpagesize()
    assert inside < batch_pages / 4
    assert given_back > 0.8 * batch_pages


IN_A_THREAD = """
import resource, torch
from concurrent.futures import ThreadPoolExecutor
from algokit.pipeline.heap import reused_memory

def faults_of_a_batch():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    values = torch.ones(6 * 2**20)
    for _ in range(6):
        values = values + 1
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

with ThreadPoolExecutor(1) as pool, reused_memory():
    print(sum([pool.submit(faults_of_a_batch).result() for _ in range(16)][4:]))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only the GNU C library is asked to keep memory")
def test_layers_of_a_pass_in_a_thread_find_the_heaps_of_those_before_them() -> None:
    done = subprocess.run([sys.executable, "-c", IN_A_THREAD], capture_output=True, text=True, check=True)
    layer_pages = 4 * 6 * 2**20 // resource.getpagesize()
    assert int(done.stdout) < layer_pages, "in twelve batches not even one layer is waited for"
