"""Flow tables in memory, as large as memory allows."""

import mmap
import os
from pathlib import Path

import pytest

from shared.errors import FlowherdError
from supervisor import huge_pages, memory
from supervisor.table import Table, fitting

HUGE_PAGE = 2 << 20


@pytest.mark.parametrize(
    ("asked_mib", "free_mib", "mib"),
    [(512, 4000, 512), (512, 128, 512), (512, 127, 256), (512, 2, 8), (8, 2, 8), (4096, 500, 1024)],
)
def test_a_table_is_as_large_as_memory_allows(asked_mib, free_mib, mib):
    assert mib == fitting(asked_mib, free_mib)


def test_without_memory_one_sentence():
    with pytest.raises(FlowherdError, match="1 MiB of memory are free, too little for a flow table"):
        fitting(512, 1)


def test_it_is_on_no_disk_and_takes_memory_only_when_written():
    table = Table.create("eth0", 64)
    try:
        place = Path(f"/proc/self/fd/{table.fd}").readlink()
        assert str(place) in ("/memfd:flowherd-eth0 (deleted)", "/flowherd-eth0 (deleted)")
        assert os.fstat(table.fd).st_size == 64 << 20
        assert os.fstat(table.fd).st_blocks * 512 <= HUGE_PAGE
        assert table.read()["flows_active"] == 0
    finally:
        table.close()


def test_its_pages_are_huge_where_we_may():
    if os.geteuid() != 0 or not Path("/sys/kernel/mm/transparent_hugepage").exists():
        pytest.skip("needs root, and a kernel with transparent huge pages")
    fd = huge_pages.make_file("flowherd-eth0", 8)
    try:
        with mmap.mmap(fd, 0) as mapped:
            mapped[:] = b"a" * len(mapped)
            lines = Path("/proc/self/smaps").read_text().partition("/flowherd-eth0 (deleted)")[2].splitlines()
            huge_kib = next(line.split()[1] for line in lines if line.startswith("ShmemPmdMapped:"))
    finally:
        os.close(fd)
    assert int(huge_kib) == 8 << 10


def test_where_the_kernel_refuses_them_it_is_a_memfd(monkeypatch):
    def refuse(_name, _mib):
        raise PermissionError

    monkeypatch.setattr(huge_pages, "make_file", refuse)
    table = Table.create("eth0", 64)
    try:
        assert str(Path(f"/proc/self/fd/{table.fd}").readlink()).startswith("/memfd:flowherd-eth0")
        assert table.read()["flows_active"] == 0
    finally:
        table.close()


def test_the_tightest_cgroup_above_us_counts(tmp_path, monkeypatch):
    for folder, limit in ((tmp_path / "a/b", "max"), (tmp_path / "a", str(300 << 20))):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "memory.max").write_text(limit)
        (folder / "memory.current").write_text(str(250 << 20))
        (folder / "memory.stat").write_text(f"anon 1\ninactive_file {50 << 20}\n")
    (tmp_path / "self").write_text("0::/a/b\n")
    (tmp_path / "meminfo").write_text(f"MemTotal: 9 kB\nMemAvailable: {4 << 20} kB\n")
    monkeypatch.setattr(memory, "CGROUPS", tmp_path)
    monkeypatch.setattr(memory, "OWN_CGROUP", tmp_path / "self")
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    assert memory.available_mib() == 100
    (tmp_path / "self").write_text("0::/\n")
    assert memory.available_mib() == 4096
