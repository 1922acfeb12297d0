"""`python -m speculate.cli`, for an environment whose scripts are not on the path."""

import sys

from speculate.cli.app import main

sys.exit(main())
