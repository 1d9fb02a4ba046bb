#include "workspace.hpp"

#include <cstdint>
#include <mutex>
#include <new>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace unrolled {
namespace {

struct Block {
  void* data;
  std::size_t bytes;
};

constexpr std::size_t page = std::size_t{1} << 12;
constexpr std::size_t large_page = std::size_t{1} << 21;
constexpr int most_blocks = 16;

std::mutex guard;
Block kept[most_blocks];
int kept_count = 0;
std::size_t kept_bytes = 0;
std::size_t kept_limit = std::size_t{1} << 29;

std::size_t alignment_of(std::size_t bytes) { return bytes >= 2 * large_page ? large_page : page; }

Block allocate(std::size_t bytes) {
  const std::size_t alignment = alignment_of(bytes);
  bytes = (bytes + alignment - 1) / alignment * alignment;
  void* data = ::operator new(bytes, std::align_val_t{alignment});
#ifdef __linux__
  // Panels of one product lie megabytes apart; with small pages each step would miss the translation buffer.
  if (alignment == large_page) madvise(data, bytes, MADV_HUGEPAGE);
#endif
  return {data, bytes};
}

void release(Block block) noexcept { ::operator delete(block.data, std::align_val_t{alignment_of(block.bytes)}); }

}  // namespace

// The lock is tried, never waited for: a child forked while another thread held it could wait for ever, and a fresh
// block is always right.
Workspace::Workspace(std::size_t bytes) {
  std::unique_lock lock(guard, std::try_to_lock);
  if (lock) {
    int best = -1;
    for (int i = 0; i < kept_count; ++i) {
      if (kept[i].bytes >= bytes && (best < 0 || kept[i].bytes < kept[best].bytes)) best = i;
    }
    if (best >= 0) {
      data_ = kept[best].data;
      bytes_ = kept[best].bytes;
      kept_bytes -= bytes_;
      kept[best] = kept[--kept_count];
      return;
    }
    lock.unlock();
  }
  const Block fresh = allocate(bytes);
  data_ = fresh.data;
  bytes_ = fresh.bytes;
}

Workspace::~Workspace() {
  std::unique_lock lock(guard, std::try_to_lock);
  if (!lock) {
    release({data_, bytes_});
    return;
  }
  // A larger block serves where a smaller one would: those that were kept go first.
  while (kept_count > 0 && (kept_count == most_blocks || kept_bytes + bytes_ > kept_limit)) {
    int smallest = 0;
    for (int i = 1; i < kept_count; ++i) {
      if (kept[i].bytes < kept[smallest].bytes) smallest = i;
    }
    if (kept[smallest].bytes > bytes_) break;
    kept_bytes -= kept[smallest].bytes;
    release(kept[smallest]);
    kept[smallest] = kept[--kept_count];
  }
  if (kept_count < most_blocks && kept_bytes + bytes_ <= kept_limit) {
    kept[kept_count++] = {data_, bytes_};
    kept_bytes += bytes_;
  } else {
    release({data_, bytes_});
  }
}

Memory::Memory(std::size_t bytes) {
  const Block fresh = allocate(bytes);
  data_ = fresh.data;
  bytes_ = fresh.bytes;
}

Memory::Memory(Memory&& other) noexcept : data_(other.data_), bytes_(other.bytes_) { other.data_ = nullptr; }

Memory::~Memory() {
  if (data_ != nullptr) release({data_, bytes_});
}

void free_workspaces() noexcept {
  const std::lock_guard lock(guard);
  while (kept_count > 0) release(kept[--kept_count]);
  kept_bytes = 0;
}

std::size_t workspace_bytes() noexcept {
  const std::lock_guard lock(guard);
  return kept_bytes;
}

void set_workspace_limit(std::size_t bytes) noexcept {
  const std::lock_guard lock(guard);
  kept_limit = bytes;
  while (kept_count > 0 && kept_bytes > kept_limit) {
    kept_bytes -= kept[--kept_count].bytes;
    release(kept[kept_count]);
  }
}

}  // namespace unrolled
