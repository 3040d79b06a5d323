// Programs that nearly are valid, through all passes and the plan: a program, or an error of the
// user's.
#include <gtest/gtest.h>

#include <iostream>
#include <optional>

#include "ir/text_fuzz.h"
#include "ir/verify.h"
#include "passes/pipeline.h"
#include "plan/linear_program.h"
#include "plan/prepare.h"
#include "plan/prepare_case.h"
#include "plan/specialise.h"

namespace gemmule {
namespace {

bool is_small(const Graph& graph) {
  for (const ValueId input : graph.inputs) {
    const Type& type = graph.type(input);
    if (!type.is_static()) return false;
    double count = 1;
    for (const Dim& dim : type.shape) count *= static_cast<double>(dim.size);
    if (count > 4096) return false;
  }
  return true;
}

enum class Reached { refused, optimised, planned };

// How far a text comes. Throws what is no error of the user's.
Reached plan_text(const std::string& text, fuzz::Random& random) {
  std::optional<Graph> graph;
  try {
    graph = parse_graph(text);
    Graph optimised = optimise(std::move(*graph)).graph;
    verify(optimised);
    if (!is_small(optimised)) return Reached::optimised;
    const std::vector<Tensor> tensors = random_inputs(optimised, random);
    std::vector<Type> types;
    std::vector<const Tensor*> values;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      types.push_back(optimised.type(optimised.inputs[i]));
      values.push_back(&tensors[i]);
    }
    Graph prepared = prepare(specialise_unfused(optimised, types, values));
    verify(prepared);
    plan(std::move(prepared));
    return Reached::planned;
  } catch (const UserError&) {
    return Reached::refused;
  } catch (const std::invalid_argument& error) {  // a kernel that there is not for this dtype
    if (std::string_view(error.what()).find(" not defined for ") == std::string_view::npos) throw;
    return Reached::refused;
  }
}

TEST(PlanFuzz, NearlyValidText) {
  std::cout << "GEMMULE_FUZZ_SEED=" << fuzz::seed() << "\n";
  fuzz::Random random(fuzz::seed());
  std::vector<std::string> texts;
  for (const auto& [name, text] : fuzz::corpus()) texts.push_back(text);
  int planned = 0;
  for (const std::string& text : texts) {
    for (int i = 0; i < 60; ++i) {
      const std::string changed = i == 0 ? text : fuzz::mutated(text, texts, random);
      try {
        planned += plan_text(changed, random) == Reached::planned ? 1 : 0;
      } catch (const std::exception& error) {
        FAIL() << error.what() << "\n" << changed;
      }
    }
  }
  EXPECT_GT(planned, 300);
}

}  // namespace
}  // namespace gemmule
