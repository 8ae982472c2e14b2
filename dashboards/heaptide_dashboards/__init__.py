"""Heaptide's pages: pure functions from plain data to figures and HTML. Knows neither store nor HTTP."""
