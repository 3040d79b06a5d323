#include "mlx/program_cache.h"

#include <mutex>
#include <utility>

#include "plan/specialise.h"

namespace gemmule {

namespace {

// Lengths that change with every call must not fill the memory with programs.
constexpr std::size_t kMostPrograms = 512;

}  // namespace

ProgramCache::ProgramCache(Graph graph)
    : graph_(std::move(graph)), static_values_(gemmule::static_value_inputs(graph_)) {}

std::shared_ptr<const MlxProgram> ProgramCache::find(std::span<const std::int64_t> key) const {
  const std::shared_lock lock(mutex_);
  const auto found = programs_.find(key);
  return found == programs_.end() ? nullptr : found->second;
}

std::shared_ptr<const MlxProgram> ProgramCache::make(std::span<const std::int64_t> key,
                                                     mx::Device device,
                                                     std::span<const std::int64_t> sizes,
                                                     const ValueOf& value_of) {
  // Two threads may make the same program; the first to finish is kept.
  auto made = std::make_shared<const MlxProgram>(specialised(sizes, value_of), device);
  const std::unique_lock lock(mutex_);
  if (programs_.size() >= kMostPrograms) programs_.erase(programs_.begin());
  return programs_.try_emplace(Key(key.begin(), key.end()), std::move(made)).first->second;
}

Graph ProgramCache::specialised(std::span<const std::int64_t> sizes,
                                const ValueOf& value_of) const {
  std::vector<Type> types;
  for (const ValueId input : graph_.inputs) {
    const std::size_t rank = graph_.type(input).shape.size();
    types.push_back(static_type(graph_.type(input).dtype, {sizes.begin(), sizes.begin() + rank}));
    sizes = sizes.subspan(rank);
  }
  std::vector<Tensor> tensors(static_values_.size());
  std::vector<const Tensor*> values(graph_.inputs.size(), nullptr);
  for (std::size_t i = 0; i < static_values_.size(); ++i) {
    tensors[i] = value_of(static_values_[i]);
    values[static_values_[i]] = &tensors[i];
  }
  return specialise(graph_, types, values);
}

std::vector<std::shared_ptr<const MlxProgram>> ProgramCache::programs() const {
  const std::shared_lock lock(mutex_);
  std::vector<std::shared_ptr<const MlxProgram>> all;
  for (const auto& [key, program] : programs_) all.push_back(program);
  return all;
}

}  // namespace gemmule
