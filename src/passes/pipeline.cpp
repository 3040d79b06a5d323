#include "passes/pipeline.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "ir/error.h"
#include "ir/text.h"
#include "ir/verify.h"

namespace gemmule {

const std::vector<Pass>& pipeline() {
  static const std::vector<Pass> passes{
      {"canonicalise", "one spelling for views and products", canonicalise},
      {"merge", "common subexpressions become one node", merge},
      {"flatten", "sums with products become flat sums of scaled terms", flatten},
      {"blas", "terms of flat sums become gemm, gemv, ger and scaled products", blas},
      {"expand", "what is left of flat sums becomes elementwise ops", expand},
      {"degrade", "products with a static 1 become gemv, ger, outer", degrade},
      {"absorb", "transposes become BLAS flags", absorb},
      {"merge_again", "nodes that recognition made twice become one", merge},
      {"fusion", "elementwise ops that feed each other run as one pass", fusion},
  };
  return passes;
}

bool PassContext::is_disabled(const std::string& name) const {
  return std::find(disabled.begin(), disabled.end(), name) != disabled.end();
}

void PassContext::apply(Graph& graph, const std::vector<Rule>& rules) {
  RewriteReport report = apply_rules(graph, rules, disabled);
  for (const auto& [rule, count] : report.fired) fired[rule] += count;
  missed.insert(missed.end(), report.missed.begin(), report.missed.end());
}

std::vector<const Rule*> all_rules() {
  std::vector<const Rule*> result;
  for (const auto* rules : {&canonical_rules(), &blas_rules(), &degrade_rules(), &absorb_rules()}) {
    for (const Rule& rule : *rules) result.push_back(&rule);
  }
  return result;
}

namespace {

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, ',');) {
    if (!part.empty()) parts.push_back(part);
  }
  return parts;
}

void check_names(const PipelineOptions& options) {
  const auto is_pass = [](const std::string& name) {
    return std::any_of(pipeline().begin(), pipeline().end(), [&](const Pass& pass) { return name == pass.name; });
  };
  const auto rules = all_rules();
  for (const std::string& name : options.disabled) {
    const bool is_rule = std::any_of(rules.begin(), rules.end(), [&](const Rule* rule) {
      return rule->name == name || made_by(*rule) == name;
    });
    if (!is_rule && !is_pass(name)) throw UserError("cannot disable '" + name + "': no pass, rule or kernel of a rule has that name");
    if (name == "expand") throw UserError("the pass 'expand' cannot be disabled: 'flatten' relies on it");
  }
  for (const std::string& part : split(options.dump)) {
    if (part == "all" || (part.starts_with("after:") && is_pass(part.substr(6)))) continue;
    throw UserError("cannot dump '" + part + "': 'all' or 'after:' and the name of a pass");
  }
}

bool wants_dump(const PipelineOptions& options, const std::string& pass) {
  for (const std::string& part : split(options.dump)) {
    if (part == "all" || part == "after:" + pass) return true;
  }
  return false;
}

// Writes the graph that a pass failed on and says where.
std::string keep_reproducer(const std::string& text, const std::string& pass) {
  std::error_code error;
  auto path = std::filesystem::temp_directory_path(error);
  path /= "gemmule-" + pass + "-failed.txt";
  std::ofstream file(path);
  file << text;
  return file ? path.string() : "(could not be written)";
}

}  // namespace

std::map<std::string, int> kernel_counts(const Graph& graph) {
  std::map<std::string, int> counts;
  for (const Node& node : graph.nodes) {
    const auto kernel = info(node.op).kernel;
    if (!kernel.empty()) ++counts[std::string(kernel)];
    if (node.op != Op::scan) continue;
    for (const auto& [inside, count] : kernel_counts(node.attributes.graph("body"))) counts[inside] += count;
  }
  return counts;
}

Optimised optimise(Graph graph, const PipelineOptions& options) {
  check_names(options);
  PassContext context{options.disabled, {}, {}};
  Optimised result;
  graph = pruned(graph);
  for (Node& node : graph.nodes) {
    if (node.op != Op::scan) continue;
    Optimised body = optimise(node.attributes.graph("body"), options);
    for (const auto& [rule, count] : body.fired) context.fired[rule] += count;
    context.missed.insert(context.missed.end(), body.missed.begin(), body.missed.end());
    for (const auto& time : body.times) result.times.push_back(time);
    node.attributes.set("body", std::make_shared<const Graph>(std::move(body.graph)));
  }
  if (options.verify) verify(graph);
  for (const Pass& pass : pipeline()) {
    if (context.is_disabled(pass.name)) continue;
    const bool dump = wants_dump(options, pass.name);
    const Graph before = graph;
    const auto start = std::chrono::steady_clock::now();
    try {
      pass.run(graph, context);
      if (options.verify) verify(graph);
    } catch (const std::exception& error) {
      throw InternalError("pass '" + std::string(pass.name) + "' failed: " + error.what() +
                          "\nThe graph it was given: " + keep_reproducer(to_text(before), pass.name));
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    result.times.emplace_back(pass.name, seconds.count());
    if (dump) {
      const PrintOptions short_constants{.elide_large_constants = true};
      const std::string text = to_text(graph, short_constants);
      const bool changed = text != to_text(before, short_constants);
      std::fprintf(stderr, "-- after %s%s\n%s", pass.name, changed ? "" : " (unchanged)", changed ? text.c_str() : "");
    }
  }
  std::sort(context.missed.begin(), context.missed.end());
  context.missed.erase(std::unique(context.missed.begin(), context.missed.end()), context.missed.end());
  result.graph = std::move(graph);
  result.fired = std::move(context.fired);
  result.missed = std::move(context.missed);
  return result;
}

}  // namespace gemmule
