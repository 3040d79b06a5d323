// What the native executor makes of a specialised graph before it becomes a program: fewer nodes, each
// of which does more. All types are static, before and after.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace gemmule {

struct PrepareOptions {
  std::vector<std::string> disabled = {};   // names of passes that are switched off: {"row_blocks"}
  std::size_t cache_bytes = 1 << 20;        // a matrix from this size on is worth reading only once
  std::size_t block_bytes = 192 << 10;      // how much of that matrix a block of rows holds
};

struct PreparePass {
  const char* name;
  const char* summary;
  void (*run)(Graph& graph, const PrepareOptions& options);
};

// In the order in which they run.
const std::vector<PreparePass>& prepare_passes();

// Runs the passes. Takes what specialise_unfused returns; names in `disabled` that are of no pass here
// are left to whom they concern.
Graph prepare(Graph specialised, const PrepareOptions& options = {});

// The body of a `row_blocks` node for a block of `rows` rows: static and ready to run. Operands are in
// the order of the node's; `operand_types` are theirs, whole.
Graph row_block_body(const Node& node, const std::vector<Type>& operand_types, std::int64_t rows);

// The passes, each in the file of its name.
void updates(Graph& graph, const PrepareOptions& options);
void fold(Graph& graph, const PrepareOptions& options);
void share(Graph& graph, const PrepareOptions& options);
void contract(Graph& graph, const PrepareOptions& options);
void transposed_constants(Graph& graph, const PrepareOptions& options);
void row_blocks(Graph& graph, const PrepareOptions& options);
void fuse(Graph& graph, const PrepareOptions& options);

}  // namespace gemmule
