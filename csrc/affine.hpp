// y = W x + b of many places at once, in the tiles of the recurrent kernels.
#pragma once

namespace unrolled::UNROLLED_SET {
namespace {

// Rows [rows, columns] = initial + activations [rows, depth] times the weights; or, added to, out in place of initial.
void product_rows(const float* activations, int64_t block_stride, int64_t rows, const Panels& weights, float* out,
                  int64_t out_stride, int64_t columns, bool add = false) {
  alignas(64) float aside[8 * tile_vectors * width];
  for (int64_t p = 0; p < weights.columns.groups; ++p) {
    const int64_t vectors = weights.columns.size(p), first = weights.columns.start(p) * width;
    const Groups parts = Groups::of(rows, tile_rows(static_cast<int>(vectors)));
    const bool whole = first + vectors * width <= columns;
    for (int64_t part = 0; part < parts.groups; ++part) {
      const int64_t row = parts.start(part), count = parts.size(part);
      float* to = out + row * out_stride + first;
      const int64_t stride = whole ? out_stride : vectors * width;
      if (add && !whole) {
        for (int64_t r = 0; r < count; ++r) {
          for (int64_t v = 0; v < vectors; ++v) {
            const int64_t lanes = least(width, columns - first - v * width);
            store(aside + (r * vectors + v) * width, load_lanes(to + r * out_stride + v * width, lanes));
          }
        }
      }
      float* into = whole ? to : aside;
      tiles[vectors - 1][count - 1](activations + row * width, block_stride, weights.depth, weights.panel(p),
                                    add ? into : weights.initial + first, add ? stride : 0, into, stride);
      if (whole) continue;
      for (int64_t r = 0; r < count; ++r) {
        for (int64_t v = 0; v < vectors; ++v) {
          const int64_t lanes = least(width, columns - first - v * width);
          if (lanes > 0) store_lanes(to + r * out_stride + v * width, load(aside + (r * vectors + v) * width), lanes);
        }
      }
    }
  }
}

int64_t affine_workers(const Affine& map) {
  const double work = 2.0 * map.places * map.inputs * map.outputs / work_per_thread();
  const int64_t useful = work < map.threads ? 1 + static_cast<int64_t>(work) : map.threads;
  return most(1, least(useful, blocks(map.places, forward_least_rows)));
}

void affine_forward(const AffineForward& call) {
  const Affine& map = call.map;
  const int64_t I = map.inputs, O = map.outputs, inputs = blocks(I, width), workers = affine_workers(map);
  const Groups columns = Groups::of(blocks(O, width), tile_vectors);
  const int64_t fitting = most(forward_least_rows, forward_block / ((inputs + columns.count) * width));
  const int64_t rows = most(1, least(fitting, map.places)), stride = spaced(rows) * width;
  Room counted{nullptr};
  float *weights = nullptr, *bias = nullptr, *x = nullptr;
  const auto lay_out = [&](Room& room) {
    weights = room.take(columns.count * I * width);
    bias = room.take(columns.count * width);
    x = room.take(workers * inputs * stride);
  };
  lay_out(counted);
  const Workspace workspace(static_cast<size_t>(counted.floats) * sizeof(float));
  Room room{static_cast<float*>(workspace.data())};
  lay_out(room);
  pack_biases(bias, O, 1, call.bias, nullptr);
  in_parallel(workers, [&](int64_t worker) {
    pack_units(weights, {map.weight, O, I, 0, 1}, columns, worker, workers);
  });
  const Panels panels{weights, bias, I, columns};
  const Groups shares = Groups::of(map.places, rows);
  in_parallel(workers, [&](int64_t worker) {
    float* own = x + worker * inputs * stride;
    for (int64_t share = worker; share < shares.groups; share += workers) {
      const int64_t start = shares.start(share), count = shares.size(share);
      for (int64_t i = 0; i < count; ++i) put_row(own + i * width, stride, map.x.data + (start + i) * map.x.stride, I);
      product_rows(own, stride, count, panels, call.y.data + start * call.y.stride, call.y.stride, O);
    }
  });
}

// The gradients' panels of a block of places: [blocks][rows][width].
struct AffinePanels {
  const float *x, *gy;
  int64_t stride;
};

// Worker's tiles of the weights' gradient and its share of the biases', over `rows` places.
void affine_gradients(const AffineBackward& call, const AffinePanels& panels, int64_t rows, bool add, int64_t worker,
                      int64_t workers) {
  const int64_t I = call.map.inputs, O = call.map.outputs, outputs = blocks(O, width);
  const Groups columns = Groups::of(blocks(I, width), gradient_vectors);
  const int64_t tasks = call.gweight ? columns.groups * outputs : 0;
  for (int64_t task = tasks * worker / workers; task < tasks * (worker + 1) / workers; ++task) {
    const int64_t group = task / outputs, block = task % outputs, lanes = lanes_of(block, O);
    const int64_t column = columns.start(group), vectors = columns.size(group);
    for (int64_t from = 0; from < rows; from += gradient_depth) {
      const float* left = panels.gy + block * panels.stride + from * width;
      const float* right = panels.x + column * panels.stride + from * width;
      for (int64_t lane = 0; lane < lanes; lane += gradient_rows) {
        const int64_t height = least(gradient_rows, lanes - lane);
        gradient_tiles[vectors - 1][height - 1](left + lane, right, panels.stride, least(gradient_depth, rows - from),
                                                call.gweight + (block * width + lane) * I + column * width, I,
                                                I - column * width, add || from > 0);
      }
    }
  }
  for (int64_t block = worker; call.gbias != nullptr && block < outputs; block += workers) {
    float* out = call.gbias + block * width;
    Vector sum = add ? load_lanes(out, lanes_of(block, O)) : zero(), other = zero();
    const float* from = panels.gy + block * panels.stride;
    for (int64_t i = 0; i + 1 < rows; i += 2) {
      sum = sum + load(from + i * width);
      other = other + load(from + (i + 1) * width);
    }
    if (rows % 2) sum = sum + load(from + (rows - 1) * width);
    store_lanes(out, sum + other, lanes_of(block, O));
  }
}

void affine_backward(const AffineBackward& call) {
  const Affine& map = call.map;
  const int64_t I = map.inputs, O = map.outputs, inputs = blocks(I, width), outputs = blocks(O, width);
  const int64_t workers = affine_workers(map);
  const Groups features = Groups::of(inputs, tile_vectors);
  const int64_t fitting = most(gradient_depth, workers * backward_block / ((inputs + outputs) * width));
  const int64_t rows = most(1, least(fitting, map.places)), stride = spaced(rows) * width;
  Room counted{nullptr};
  float *weights = nullptr, *none = nullptr, *x = nullptr, *gy = nullptr;
  const auto lay_out = [&](Room& room) {
    weights = room.take(call.gx.data ? outputs * width * inputs * width : 0);
    none = room.take(inputs * width);
    x = room.take(inputs * stride);
    gy = room.take(outputs * stride);
  };
  lay_out(counted);
  const Workspace workspace(static_cast<size_t>(counted.floats) * sizeof(float));
  Room room{static_cast<float*>(workspace.data())};
  lay_out(room);
  clear(none, inputs * width);
  if (map.places == 0) {
    clear(call.gweight, O * I);
    clear(call.gbias, O);
  }
  if (call.gx.data) {
    in_parallel(workers, [&](int64_t worker) {
      pack_inputs(weights, {map.weight, O, I, 0, 1}, features, worker, workers);
    });
  }
  const Panels panels{weights, none, outputs * width, features};
  for (int64_t start = 0; start < map.places; start += rows) {
    const int64_t count = least(rows, map.places - start);
    in_parallel(workers, [&](int64_t worker) {
      const int64_t begin = count * worker / workers, end = count * (worker + 1) / workers;
      for (int64_t i = begin; i < end; ++i) {
        put_row(gy + i * width, stride, call.gy.data + (start + i) * call.gy.stride, O);
        if (call.gweight) put_row(x + i * width, stride, map.x.data + (start + i) * map.x.stride, I);
      }
      if (call.gx.data && begin < end) {
        product_rows(gy + begin * width, stride, end - begin, panels, call.gx.data + (start + begin) * call.gx.stride,
                     call.gx.stride, I);
      }
    });
    in_parallel(workers, [&](int64_t worker) {
      affine_gradients(call, {x, gy, stride}, count, start > 0, worker, workers);
    });
  }
}

}  // namespace
}  // namespace unrolled::UNROLLED_SET
