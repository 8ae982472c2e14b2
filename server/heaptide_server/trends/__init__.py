"""Pure functions from series to verdicts: arrays in, verdict out; no clock, no database."""
