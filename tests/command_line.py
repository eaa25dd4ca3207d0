"""Running our scripts as a user does."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parent.parent / "scripts"


def run_script(*arguments, script: str = "run_fairdropout.py") -> subprocess.CompletedProcess:
    """Run a script in a process of its own, offline."""
    command = [sys.executable, str(SCRIPTS / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=600, env={**os.environ, "HF_HUB_OFFLINE": "1"})
