// The steps' place in the Python module.
#pragma once

#include <nanobind/nanobind.h>

void bind_step(nanobind::module_& module);
