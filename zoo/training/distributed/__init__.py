"""Devices, replicas, processes and where variables lie on them."""
