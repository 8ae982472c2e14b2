"""Heaptide's collector: ingest, store, trends, leaks, alerts, in this order, and the HTTP API over them."""
