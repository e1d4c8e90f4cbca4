"""`python -I -S …/appliance/task/__main__.py`: finds its own package, last on the path."""

import os
import sys
from os.path import abspath, dirname

sys.path.append(dirname(dirname(dirname(abspath(__file__)))))  # noqa: PTH100, PTH120

from appliance.task.launcher import main

# nothing is left to tidy up, and the answer to the chat waits for our end
os._exit(main())
