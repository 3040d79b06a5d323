// Draws from distributions.
#include <array>
#include <string>

#include "cpu/step.h"
#include "ir/distributions.h"
#include "ir/error.h"
#include "kernels/movement.h"
#include "kernels/random.h"

namespace gemmule::cpu {
namespace {

// The copy is the second result; the generator itself stays as it was. Two copies take turns: in a
// loop the one that the last iteration made may be what this one copies.
std::unique_ptr<Step> copy_generator() {
  auto copies = std::make_unique<std::array<kernels::OwnGenerator, 2>>();
  return step_of([copies = std::move(copies), turn = 0](void* const* address) mutable {
    const std::uint64_t from = *static_cast<const std::uint64_t*>(address[0]);
    turn = 1 - turn;
    *static_cast<std::uint64_t*>(address[1]) = from;
    *static_cast<std::uint64_t*>(address[2]) =
        kernels::address_of((*copies)[turn].assign(kernels::generator_at(from)));
  });
}

}  // namespace

std::unique_ptr<Step> make_random(const StepContext& context) {
  const Attributes& attributes = context.node.attributes;
  const std::string& name = std::get<std::string>(*attributes.find("distribution"));
  if (name == "copy") return copy_generator();
  const DistributionInfo& distribution = *find_distribution(name);
  const int parameters = static_cast<int>(distribution.parameters.size());
  const int first = context.count() - parameters;

  kernels::RandomArguments arguments{
      .distribution = distribution.name,
      .parameters = {},
      .draws = context.result(1),
      .core = static_cast<std::size_t>(attributes.integer("core", 1)),
      .single = attributes.flag("single", false)};
  for (int i = 0; i < parameters; ++i) arguments.parameters.push_back(context.operand(first + i));
  std::size_t rank = distribution.counts ? 1 : 0;  // of a draw
  if (distribution.shaped_like != kNone) {
    const int declared = distribution.parameters[distribution.shaped_like].rank;
    const std::size_t core =
        declared == kFreeRank ? arguments.core : static_cast<std::size_t>(declared);
    rank += core - (distribution.counts && core > 0 ? 1 : 0);
  }
  arguments.batch = arguments.draws.shape.size() - rank;

  auto kernel = kernels::make_random_kernel(arguments);
  if (kernel == nullptr)
    throw UnsupportedError(context.message("no kernel draws from '" + name + "'"));
  // Draws come row by row.
  const View& draws = arguments.draws;
  const View plain{nullptr, draws.dtype, draws.shape, row_major_strides(draws.shape)};
  const bool direct = context.results[1].is_row_major();
  std::vector<std::byte> memory(
      direct ? 0 : static_cast<std::size_t>(element_count(draws.shape)) * size_of(draws.dtype));
  return step_of([kernel = std::move(kernel), direct, memory = std::move(memory),
                  move = kernels::CopyKernel(plain, draws), first,
                  results = context.count()](void* const* address) mutable {
    const std::uint64_t generator = *static_cast<const std::uint64_t*>(address[0]);
    void* out = direct ? address[results + 1] : memory.data();
    kernel->run(kernels::generator_at(generator).bits,
                const_cast<const void* const*>(address) + first, out);
    if (!direct) move.run(out, address[results + 1]);
    *static_cast<std::uint64_t*>(address[results]) = generator;
  });
}

}  // namespace gemmule::cpu
