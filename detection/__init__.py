"""Photos in, candidate hazards out. Imports nothing else of ours."""

import os

# The libraries of maps would fetch grids and whatever a file refers to; nothing here leaves the
# machine, whatever the environment says. Read when they are first used, so set before.
os.environ["PROJ_NETWORK"] = "OFF"
os.environ["CPL_VSIL_CURL_ALLOWED_EXTENSIONS"] = ".none"
