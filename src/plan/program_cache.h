// The programs of one graph, by what tells their calls apart.
#pragma once

#include <algorithm>
#include <cstdint>
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
// a microsecond.
template <class Program>
class ProgramCache {
 public:
  // Null when there is none yet.
  std::shared_ptr<const Program> find(std::span<const std::int64_t> key) const {
    const std::shared_lock lock(mutex_);
    const auto found = programs_.find(key);
    return found == programs_.end() ? nullptr : found->second;
  }

  // Keeps `program` under `key`. Two threads may have made the same: the first to finish is kept, and
  // returned.
  std::shared_ptr<const Program> keep(std::span<const std::int64_t> key, std::shared_ptr<const Program> program) {
    const std::unique_lock lock(mutex_);
    if (programs_.size() >= kMostPrograms) programs_.erase(programs_.begin());
    return programs_.try_emplace(ProgramKey(key.begin(), key.end()), std::move(program)).first->second;
  }

  std::vector<std::shared_ptr<const Program>> programs() const {
    const std::shared_lock lock(mutex_);
    std::vector<std::shared_ptr<const Program>> all;
    for (const auto& [key, program] : programs_) all.push_back(program);
    return all;
  }

 private:
  // Lengths that change with every call must not fill the memory with programs.
  static constexpr std::size_t kMostPrograms = 512;

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
  std::unordered_map<ProgramKey, std::shared_ptr<const Program>, Hash, Equal> programs_;
};

}  // namespace gemmule
