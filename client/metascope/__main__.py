"""`python -m metascope`."""

import sys

from metascope._cli import main

sys.exit(main())
