// The vocabulary loss's place in the Python module.
#pragma once

#include <nanobind/nanobind.h>

void bind_vocabulary(nanobind::module_& module);
