"""`python -m heaptide`."""

from __future__ import annotations

import sys

from heaptide.cli import main

sys.exit(main())
