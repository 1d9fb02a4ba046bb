// Memory that calls borrow and give back: fresh large allocations cost page faults in every call.
#pragma once

#include <cstddef>

#include "inline.hpp"

namespace unrolled {

// A block of at least the asked size, aligned to 64 bytes; its contents are undefined. Throws std::bad_alloc.
class Workspace {
 public:
  explicit Workspace(std::size_t bytes);
  ~Workspace();
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;

  UNROLLED_INLINE void* data() const { return data_; }

 private:
  void* data_;
  std::size_t bytes_;
};

// A block of its own, which goes back to the system: for what is kept long. Aligned to 64 bytes. Throws std::bad_alloc.
class Memory {
 public:
  explicit Memory(std::size_t bytes);
  ~Memory();
  Memory(Memory&& other) noexcept;
  Memory& operator=(Memory&&) = delete;

  void* data() const { return data_; }

 private:
  void* data_;
  std::size_t bytes_;
};

// Frees the blocks that no call is using.
void free_workspaces() noexcept;

// Bytes that are kept for later calls.
std::size_t workspace_bytes() noexcept;

// The most bytes that may be kept; what a call is using does not count.
void set_workspace_limit(std::size_t bytes) noexcept;

}  // namespace unrolled
