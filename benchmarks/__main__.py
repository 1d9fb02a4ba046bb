"""List the benchmarks, or run one: `python -m benchmarks [NAME [OPTION...]]`.

A benchmark is a module in this folder with a docstring and a function `main`, which reads its options from `sys.argv`.
"""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

from unrolled.errors import UnrolledError, unknown_option

HERE = Path(__file__).parent


def benchmarks(folder: Path = HERE) -> dict[str, str]:
    """Return name and first line of every benchmark, without importing any: that would take seconds."""
    found = {}
    for path in sorted(folder.glob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(isinstance(node, ast.FunctionDef) and node.name == "main" for node in tree.body):
            found[path.stem] = (ast.get_docstring(tree) or "").partition("\n")[0]
    found.pop("__main__", None)
    return found


def main(arguments: list[str]) -> None:
    known = benchmarks()
    if not arguments:
        print("python -m benchmarks NAME [OPTION...], where NAME is one of")
        for name, line in known.items():
            print(f"  {name:<14} {line}")
        return
    name = arguments[0]
    if name not in known:
        raise unknown_option("benchmark", name, known)
    sys.argv = [f"benchmarks/{name}.py", *arguments[1:]]
    importlib.import_module(f"benchmarks.{name}").main()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UnrolledError as error:
        sys.exit(f"error: {error}")
