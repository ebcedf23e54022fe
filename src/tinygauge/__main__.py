"""`python -m tinygauge` is the `tinygauge` command."""

import sys

from tinygauge.cli.main import main

sys.exit(main())
