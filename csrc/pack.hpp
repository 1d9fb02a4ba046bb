// Weights and activations into panels, and how rows and memory are shared out.
#pragma once

namespace unrolled::UNROLLED_SET {
namespace {

// Lanes of block `block` that are features of `size`.
UNROLLED_INLINE int64_t lanes_of(int64_t block, int64_t size) { return least(width, size - block * width); }

UNROLLED_INLINE Vector load_lanes(const float* from, int64_t lanes) {
  return lanes >= width ? load(from) : load_first(from, lanes);
}
UNROLLED_INLINE void store_lanes(float* to, Vector values, int64_t lanes) {
  if (lanes >= width) {
    store(to, values);
  } else {
    store_first(to, values, lanes);
  }
}

// What the pass backward needs of a step, in the order in which it is made and read: [blocks of units][rows][fields],
// each field the lanes of its block. Row by row, every block of a step would touch all its memory.
struct Saved {
  const int64_t rows, hidden_size, fields;

  UNROLLED_INLINE int64_t at(int64_t s, int64_t block, int64_t field) const {
    return (block * width * rows + s * lanes_of(block, hidden_size)) * fields + field * lanes_of(block, hidden_size);
  }
};

// Hands out a workspace from its beginning, on the boundaries of cache lines. Without memory it only counts.
struct Room {
  float* next;
  int64_t floats = 0;

  template <class Element = float>
  UNROLLED_INLINE Element* take(int64_t count) {
    const int64_t taken = blocks(count * static_cast<int64_t>(sizeof(Element)), 64) * 16;
    floats += taken;
    if (next == nullptr) return nullptr;
    float* from = next;
    next += taken;
    return reinterpret_cast<Element*>(from);
  }
};

// Rows of one worker: every workers-th, so that rows sorted by length are shared out evenly at every step.
struct Rows {
  const Layout& layout;
  int64_t worker, workers;

  UNROLLED_INLINE int64_t among(int64_t rows) const {
    return rows > worker ? (rows - worker + workers - 1) / workers : 0;
  }
  UNROLLED_INLINE int64_t count() const { return among(layout.batch); }
  UNROLLED_INLINE int64_t live(int64_t t) const { return t < layout.steps ? among(layout.batch_sizes[t]) : 0; }
  UNROLLED_INLINE int64_t row(int64_t i) const { return worker + i * workers; }
};

// Rows between blocks of features of so many rows. A tile reads its rows from every block: an odd multiple of 512 bytes
// keeps them apart in a cache whose sets repeat after 4096.
UNROLLED_INLINE int64_t spaced(int64_t rows) {
  constexpr int64_t unit = 512 / (width * static_cast<int64_t>(sizeof(float)));
  return rows <= unit ? rows : (blocks(rows, unit) | 1) * unit;
}

// Gates of a weight matrix [gates * H, columns] that go into panels.
struct GateRows {
  const float* weights;
  int64_t hidden_size, columns, first_gate, gates;
};

// Columns of the panels are units, gate beside gate for each block of them: column v is gate v % gates of block
// v / gates. The depth is the matrix's columns. Worker's share.
void pack_units(float* out, const GateRows& from, const Groups& columns, int64_t worker, int64_t workers) {
  const int64_t depth = from.columns;
  for (int64_t v = worker; v < columns.count; v += workers) {
    int64_t p = 0;
    while (p + 1 < columns.groups && columns.start(p + 1) <= v) ++p;
    const int64_t line = columns.size(p) * width;
    float* to = out + columns.start(p) * depth * width + (v - columns.start(p)) * width;
    const int64_t gate = from.first_gate + v % from.gates, block = v / from.gates;
    const int64_t lanes = lanes_of(block, from.hidden_size);
    const float* rows = from.weights + (gate * from.hidden_size + block * width) * depth;
    for (int64_t start = 0; start < depth; start += width) {
      const int64_t end = least(depth, start + width);
      for (int64_t lane = 0; lane < width; ++lane) {
        for (int64_t k = start; k < end; ++k) to[k * line + lane] = lane < lanes ? rows[lane * depth + k] : 0.0f;
      }
    }
  }
}

// For the way back: columns of the panels are the matrix's columns; the depth is the gates, each filled up to whole
// blocks of units.
void pack_inputs(float* out, const GateRows& from, const Groups& columns, int64_t worker, int64_t workers) {
  const int64_t units = blocks(from.hidden_size, width) * width, depth = from.gates * units;
  for (int64_t p = worker; p < columns.groups; p += workers) {
    float* to = out + columns.start(p) * depth * width;
    for (int64_t gate = 0; gate < from.gates; ++gate) {
      for (int64_t unit = 0; unit < units; ++unit) {
        const float* row =
            from.weights + ((from.first_gate + gate) * from.hidden_size + unit) * from.columns;
        for (int64_t v = 0; v < columns.size(p); ++v, to += width) {
          const int64_t block = columns.start(p) + v;
          store(to, unit < from.hidden_size ? load_lanes(row + block * width, lanes_of(block, from.columns)) : zero());
        }
      }
    }
  }
}

// initial[column] of the panels of pack_units: the sum of two biases, either of which may be absent.
void pack_biases(float* out, int64_t hidden_size, int64_t gates, const float* one, const float* two) {
  for (int64_t block = 0; block < blocks(hidden_size, width); ++block) {
    for (int64_t gate = 0; gate < gates; ++gate, out += width) {
      const int64_t from = gate * hidden_size + block * width, lanes = lanes_of(block, hidden_size);
      Vector sum = zero();
      if (one != nullptr) sum = load_lanes(one + from, lanes);
      if (two != nullptr) sum = sum + load_lanes(two + from, lanes);
      store(out, sum);
    }
  }
}

void clear(float* out, int64_t count) {
  if (out != nullptr) __builtin_memset(out, 0, static_cast<size_t>(count) * sizeof(float));
}

// A row's features into panels [blocks][rows][width] whose blocks are `stride` apart.
UNROLLED_INLINE void put_row(float* panels, int64_t stride, const float* row, int64_t size) {
  int64_t block = 0;
  for (; (block + 1) * width <= size; ++block) store(panels + block * stride, load(row + block * width));
  if (block * width < size) store(panels + block * stride, load_first(row + block * width, size - block * width));
}

// Calls work(worker) for each worker, at the same time where OpenMP has the threads. One worker starts no region.
template <class Work>
UNROLLED_INLINE void in_parallel(int64_t workers, const Work& work) {
  if (workers == 1) {
    work(int64_t{0});
    return;
  }
#ifdef _OPENMP
#pragma omp parallel for schedule(static, 1) num_threads(static_cast<int>(workers))
#endif
  for (int64_t worker = 0; worker < workers; ++worker) work(worker);
}

// How many workers some work is worth.
int64_t workers_for(const Layout& layout, int64_t live_steps, int threads) {
  const double size = static_cast<double>(layout.input_size + layout.hidden_size);
  const double work = 2.0 * gate_count(layout.cell) * layout.hidden_size * size * live_steps;
  const double worth = work / work_per_thread();
  const int64_t useful = worth < threads ? 1 + static_cast<int64_t>(worth) : threads;
  return most(1, least(least(threads, layout.batch), useful));
}

}  // namespace
}  // namespace unrolled::UNROLLED_SET
