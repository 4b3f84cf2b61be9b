"""The pictures of a drift report, one a file: each takes frames and gives a matplotlib Figure."""
