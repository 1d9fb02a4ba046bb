// Functions in headers that several instruction sets include must be inlined, or stay inside their object file: a weak
// symbol of one set would serve all of them.
#pragma once

#define UNROLLED_INLINE inline __attribute__((always_inline))
