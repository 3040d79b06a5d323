// The programs of one graph, by what tells their calls apart.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace gemmule {

// Sizes, strides, the device, the values of inputs that decide sizes: whatever a program is made for.
using ProgramKey = std::vector<std::int64_t>;

// Thread-safe. A program is made once per key; making one takes milliseconds, finding one far less than
// a microsecond. Lengths that change with every call must not fill the memory with programs: the oldest
// ones go.
template <class Program>
class ProgramCache {
 public:
  // Null when there is none yet.
  std::shared_ptr<const Program> find(std::span<const std::int64_t> key) const {
    const std::shared_lock lock(mutex_);
    const auto found = programs_.find(key);
    return found == programs_.end() ? nullptr : found->second.program;
  }

  // Keeps `program`, which holds `bytes` of memory, under `key`. Two threads may have made the same: the
  // first to finish is kept, and returned.
  std::shared_ptr<const Program> keep(std::span<const std::int64_t> key, std::shared_ptr<const Program> program,
                                      std::size_t bytes = 0) {
    const std::unique_lock lock(mutex_);
    const auto [at, is_new] = programs_.try_emplace(ProgramKey(key.begin(), key.end()), Entry{std::move(program), bytes});
    const std::shared_ptr<const Program> kept = at->second.program;
    if (is_new) {
      order_.push_back(at->first);
      bytes_ += bytes;
      while (order_.size() > kMostPrograms || (bytes_ > kMostBytes && order_.size() > 1)) drop_oldest();
    }
    return kept;
  }

  std::vector<std::shared_ptr<const Program>> programs() const {
    const std::shared_lock lock(mutex_);
    std::vector<std::shared_ptr<const Program>> all;
    for (const auto& [key, entry] : programs_) all.push_back(entry.program);
    return all;
  }

  static constexpr std::size_t kMostPrograms = 512;
  static constexpr std::size_t kMostBytes = std::size_t{512} << 20;

 private:
  struct Entry {
    std::shared_ptr<const Program> program;
    std::size_t bytes;
  };

  void drop_oldest() {
    const auto oldest = programs_.find(order_.front());
    bytes_ -= oldest->second.bytes;
    programs_.erase(oldest);
    order_.pop_front();
  }

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::span<const std::int64_t> key) const {
      return std::hash<std::string_view>{}({reinterpret_cast<const char*>(key.data()), key.size_bytes()});
    }
    std::size_t operator()(const ProgramKey& key) const { return (*this)(std::span(key)); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(std::span<const std::int64_t> a, std::span<const std::int64_t> b) const {
      return std::ranges::equal(a, b);
    }
  };

  mutable std::shared_mutex mutex_;
  std::unordered_map<ProgramKey, Entry, Hash, Equal> programs_;
  std::deque<ProgramKey> order_;  // oldest first
  std::size_t bytes_ = 0;         // of all of them
};

}  // namespace gemmule
