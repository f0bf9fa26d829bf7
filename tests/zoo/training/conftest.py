import sys
from pathlib import Path

# `tiny_run` is shared by the tests here and by the processes they start.
sys.path.insert(0, str(Path(__file__).parent))
