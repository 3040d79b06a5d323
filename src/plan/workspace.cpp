// Offsets in one block of memory for buffers that live for a while: one after the other, each in the
// tightest place that is free for as long as it lives.
#include <algorithm>
#include <bit>
#include <functional>
#include <utility>

#include "plan/linear_program.h"

namespace gemmule {
namespace {

// Scalars need no line of the cache each.
std::size_t alignment_of(std::size_t bytes) { return std::min(kAlignment, std::bit_ceil(std::max<std::size_t>(bytes, 8))); }

std::size_t aligned(std::size_t offset, std::size_t alignment) { return (offset + alignment - 1) / alignment * alignment; }

bool alive_together(const Buffer& a, const Buffer& b) { return a.first <= b.last && b.first <= a.last; }

// Gives the buffers of `order` their offsets, one after the other; returns the bytes of the whole.
std::size_t place(std::vector<Buffer>& buffers, const std::vector<int>& order) {
  std::vector<int> placed;  // by offset
  std::size_t total = 0;
  for (const int id : order) {
    Buffer& buffer = buffers[id];
    const std::size_t bytes = buffer.bytes, alignment = alignment_of(bytes);
    std::size_t free = 0, best = 0, best_gap = static_cast<std::size_t>(-1);
    for (const int other_id : placed) {
      const Buffer& other = buffers[other_id];
      if (!alive_together(buffer, other)) continue;
      if (other.offset >= free + bytes && other.offset - free < best_gap) {
        best = free;
        best_gap = other.offset - free;
      }
      free = std::max(free, aligned(other.offset + other.bytes, alignment));
    }
    buffer.offset = best_gap == static_cast<std::size_t>(-1) ? free : best;
    total = std::max(total, buffer.offset + bytes);
    const auto later = [&](int other) { return buffers[other].offset > buffer.offset; };
    placed.insert(std::find_if(placed.begin(), placed.end(), later), id);
  }
  return aligned(total, kAlignment);
}

}  // namespace

std::size_t assign_offsets(std::vector<Buffer>& buffers) {
  std::vector<int> order;
  for (int i = 0; i < static_cast<int>(buffers.size()); ++i) {
    if (buffers[i].memory == Memory::workspace && buffers[i].bytes > 0) order.push_back(i);
  }
  // No order is the best for all programs; these are the usual ones.
  using Weight = std::size_t (*)(const Buffer&);
  constexpr Weight weights[] = {
      [](const Buffer& b) { return b.bytes; },
      [](const Buffer& b) { return b.bytes * static_cast<std::size_t>(b.last - b.first + 1); },
      [](const Buffer& b) { return static_cast<std::size_t>(b.last - b.first); },
      [](const Buffer& b) { return static_cast<std::size_t>(-1) - static_cast<std::size_t>(b.first); },
  };
  std::size_t least = static_cast<std::size_t>(-1);
  std::vector<Buffer> best = buffers;
  for (const Weight weight : weights) {
    std::ranges::stable_sort(order, std::ranges::greater(), [&](int id) { return weight(buffers[id]); });
    const std::size_t total = place(buffers, order);
    if (total < least) {
      least = total;
      best = buffers;
    }
  }
  buffers = std::move(best);
  return least;
}

}  // namespace gemmule
