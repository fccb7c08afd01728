"""One process per NIC: packets in, flow records out."""
