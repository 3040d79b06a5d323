// Loops for many chains: one loop whose steps compute those of all chains; and a loop over the
// chains for ops that have no other form.
#include <algorithm>
#include <map>
#include <memory>

#include "ir/scan.h"
#include "passes/batch_rules.h"

namespace gemmule {
namespace {

// From [chains, steps, ...] to [steps, chains, ...] or back.
ValueId with_first_two_swapped(const BatchContext& context, ValueId value) {
  Integers perm(context.graph.type(value).rank());
  for (std::size_t axis = 0; axis < perm.size(); ++axis)
    perm[axis] = static_cast<std::int64_t>(axis);
  std::swap(perm[0], perm[1]);
  return context.transposed(value, perm);
}

std::optional<std::int64_t> known_size(const Dim& dim) {
  return dim.is_known() ? std::optional(dim.size) : std::nullopt;
}

}  // namespace

ScanBatch scan_batch(const Node& node, const std::vector<bool>& operands) {
  const ScanLoop loop = scan_loop(node.attributes);
  const Graph& body = node.attributes.graph("body");
  const std::vector<int> operand_of = scan_operands(loop, body);
  std::vector<bool> of_operand = operands, outputs;
  ScanBatch batch;
  batch.inputs.resize(operand_of.size());
  // A state that is batched may make others so.
  for (bool changed = true; changed;) {
    changed = false;
    for (std::size_t i = 0; i < operand_of.size(); ++i) batch.inputs[i] = of_operand[operand_of[i]];
    outputs = batched_outputs(body, batch.inputs);
    std::size_t output = 0;
    for (std::size_t i = 0; i < loop.states.size(); ++i) {
      const std::size_t state = loop.first_state() + i;
      for (std::size_t write = 0; write < loop.states[i].writes.size(); ++write, ++output) {
        if (outputs[output] && !of_operand[state]) of_operand[state] = changed = true;
      }
    }
  }
  const bool any = std::find(batch.inputs.begin(), batch.inputs.end(), true) != batch.inputs.end();
  batch.apart = operands[0] || (loop.until && outputs.back()) || !any;
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    const bool is_state = i < loop.states.size();
    batch.results.push_back(batch.apart || (is_state && of_operand[loop.first_state() + i]));
  }
  return batch;
}

BatchValues batch_scan(const BatchContext& context) {
  const ScanLoop loop = scan_loop(context.attributes());
  std::vector<bool> operands_differ;
  for (const BatchValue& operand : context.operands) operands_differ.push_back(operand.batched);
  const ScanBatch batch = scan_batch(context.node, operands_differ);
  if (batch.apart) return batch_per_chain(context);

  std::vector<bool> with_chains;
  for (std::size_t i = 0; i < loop.states.size(); ++i) {
    with_chains.insert(with_chains.end(), loop.states[i].writes.size(), batch.results[i]);
  }
  if (loop.until) with_chains.push_back(false);
  Graph step = batched_graph(context.attributes().graph("body"), batch.inputs, with_chains,
                             known_size(context.chains));

  std::vector<ValueId> operands;
  for (int i = 0; i < context.count(); ++i) {
    const int state = i - loop.first_state();
    const bool is_state = state >= 0 && i < loop.first_constant();
    if (is_state && loop.states[state].kind == ScanState::Kind::output) {
      context.need_shared(i, i + 1);
      operands.push_back(context.value(i));
    } else if (is_state && batch.results[state]) {
      operands.push_back(with_first_two_swapped(context, context.spread(i)));
    } else if (i < loop.first_state() && context.is_batched(i)) {
      operands.push_back(with_first_two_swapped(context, context.value(i)));
    } else {
      operands.push_back(context.value(i));
    }
  }
  Attributes attributes = context.attributes();
  attributes.set("body", std::make_shared<const Graph>(std::move(step)));
  const auto values = context.graph.add_all(Op::scan, std::move(operands), std::move(attributes),
                                            context.node.origin);
  BatchValues results;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool differs = batch.results[i];
    results.push_back({differs ? with_first_two_swapped(context, values[i]) : values[i], differs});
  }
  return results;
}

BatchValues batch_per_chain(const BatchContext& context) {
  Graph body;
  std::map<SymbolId, Dim> symbols;
  const auto inside = [&](int operand) {
    Type type = context.graph.type(context.value(operand));
    if (context.is_batched(operand)) type.shape.erase(type.shape.begin());
    for (Dim& dim : type.shape) {
      if (dim.is_known()) continue;
      const auto [found, fresh] = symbols.try_emplace(dim.symbol);
      if (fresh) found->second = Dim::unknown(body.add_symbol());
      dim = found->second;
    }
    return type;
  };
  std::vector<ValueId> sequences, constants, of_operand(context.operands.size(), kNone);
  for (int i = 0; i < context.count(); ++i) {
    if (!context.is_batched(i)) continue;
    of_operand[i] = body.add_input(inside(i));
    sequences.push_back(context.value(i));
  }
  for (int i = 0; i < context.count(); ++i) {
    if (context.is_batched(i)) continue;
    // Sizes that are constants stay so for inference.
    if (const Tensor* constant = context.graph.constant(context.value(i))) {
      of_operand[i] = body.add_constant(*constant);
    } else {
      of_operand[i] = body.add_input(inside(i));
      constants.push_back(context.value(i));
    }
  }
  body.outputs =
      body.add_all(context.node.op, of_operand, context.attributes(), context.node.origin);
  for (ValueId& output : body.outputs) output = body.add(Op::copy, {output});

  const std::vector<ScanState> states(
      body.outputs.size(), {.kind = ScanState::Kind::output, .reads = {}, .writes = {0}});
  Attributes attributes{{"sequences", static_cast<std::int64_t>(sequences.size())},
                        {"states", states_attribute(states)}};
  attributes.set("body", std::make_shared<const Graph>(std::move(body)));
  std::vector<ValueId> operands{context.chain_count};
  operands.insert(operands.end(), sequences.begin(), sequences.end());
  operands.insert(operands.end(), states.size(), context.chain_count);
  operands.insert(operands.end(), constants.begin(), constants.end());
  BatchValues results;
  for (const ValueId value : context.graph.add_all(Op::scan, std::move(operands),
                                                   std::move(attributes), context.node.origin)) {
    results.push_back({value, true});
  }
  return results;
}

}  // namespace gemmule
