"""One process per NIC: packets in, flow records out."""

from worker import jit_cache as jit_cache  # before any module of ours can import numba
