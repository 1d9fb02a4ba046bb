// The scans' place in the Python module.
#pragma once

#include <nanobind/nanobind.h>

void bind_scan(nanobind::module_& module);
