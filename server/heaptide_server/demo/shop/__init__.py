"""A small shop as people write them, with one leak and three things that only look like one."""
