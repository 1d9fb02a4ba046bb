"""A pytest plugin that puts another build of the extension in the place of the installed one (tests/sanitize.sh)."""

from __future__ import annotations

import importlib.util
import os
import sys

import torch  # noqa: F401 - before the extension: see unrolled.kernels.extension

_name, _file = "unrolled._kernels", os.environ["UNROLLED_TESTED_EXTENSION"]
_spec = importlib.util.spec_from_file_location(_name, _file)
assert _spec is not None and _spec.loader is not None
sys.modules[_name] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(sys.modules[_name])
