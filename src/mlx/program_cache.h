// The programs of one graph, by the sizes of its inputs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ir/graph.h"
#include "mlx/program.h"

namespace gemmule {

// Thread-safe. A program is made once per key; making one takes milliseconds, finding one far less
// than a microsecond.
class ProgramCache {
 public:
  explicit ProgramCache(Graph graph);

  const Graph& graph() const { return graph_; }

  // Indices of the inputs whose values belong to the key.
  const std::vector<int>& static_value_inputs() const { return static_values_; }

  // What tells programs apart: the device, the sizes of all inputs in order (their ranks are the
  // graph's), and the bytes of the inputs named by static_value_inputs.
  using Key = std::vector<std::int64_t>;

  // The tensor of an input that is one of static_value_inputs; asked only when a program is made.
  using ValueOf = std::function<Tensor(int input)>;

  // Null when there is none yet.
  std::shared_ptr<const MlxProgram> find(std::span<const std::int64_t> key) const;

  // `key` holds all of the above; `sizes` are the sizes again. Throws what specialise throws, and
  // then leaves the cache as it was.
  std::shared_ptr<const MlxProgram> make(std::span<const std::int64_t> key, mx::Device device,
                                         std::span<const std::int64_t> sizes,
                                         const ValueOf& value_of);

  // The graph for these sizes, without keeping a program.
  Graph specialised(std::span<const std::int64_t> sizes, const ValueOf& value_of) const;

  std::vector<std::shared_ptr<const MlxProgram>> programs() const;

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::span<const std::int64_t> key) const {
      return std::hash<std::string_view>{}(
          {reinterpret_cast<const char*>(key.data()), key.size_bytes()});
    }
    std::size_t operator()(const Key& key) const { return (*this)(std::span(key)); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(std::span<const std::int64_t> a, std::span<const std::int64_t> b) const {
      return std::ranges::equal(a, b);
    }
  };

  Graph graph_;
  std::vector<int> static_values_;
  mutable std::shared_mutex mutex_;
  std::unordered_map<Key, std::shared_ptr<const MlxProgram>, Hash, Equal> programs_;
};

}  // namespace gemmule
