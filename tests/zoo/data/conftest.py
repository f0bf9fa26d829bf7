import sys
from pathlib import Path

# `random_documents` is shared by several test files.
sys.path.insert(0, str(Path(__file__).parent))
