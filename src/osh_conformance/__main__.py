"""`python -m osh_conformance`."""

from __future__ import annotations

import sys

from osh_conformance.cli import main

sys.exit(main())
