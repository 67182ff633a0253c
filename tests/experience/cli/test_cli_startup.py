import subprocess
import sys
from importlib.metadata import version

HEAVY = ("langchain_core", "langgraph", "pydantic", "openvino", "numpy", "sqlalchemy", "asyncio")
CODE = f"""
import sys
sys.argv = ["sixplane", "--help"]
import experience.cli
try:
    experience.cli.main()
except SystemExit as end:
    assert not end.code, end.code
loaded = [name for name in {HEAVY!r} if name in sys.modules]
assert not loaded, loaded
"""


def test_help_imports_neither_langchain_nor_langgraph_nor_pydantic():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for command in (
        "ingest",
        "search",
        "research",
        "resume",
        "threads",
        "show",
        "batch",
        "evaluate",
        "guard",
        "verify",
        "corpus",
        "models",
        "cost",
        "doctor",
    ):
        assert command in done.stdout


def test_the_version_is_told_without_loading_anything():
    code = CODE.replace('"--help"', '"--version"')
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"sixplane {version('sixplane')}\n"), done.stderr


def test_closed_standard_streams_give_their_numbers_to_no_other_file():
    code = """
import os, sys
from experience.cli import fill_standard_streams
fill_standard_streams()
print("told", file=sys.stderr, flush=True)
os._exit(os.open(os.devnull, os.O_RDONLY))
"""
    closed = ["sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, code]
    assert subprocess.run(closed, check=False).returncode == 3
