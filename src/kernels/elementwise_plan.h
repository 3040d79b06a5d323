// What an ElementwiseKernel is bound to: the nest of loops, the blocks, and the code over them.
//
// The dims of the pass, sorted by memory and merged, are split in two: `outer` dims, walked one
// position at a time, and the dims of a `row`, walked in blocks. A row is one dim where it is long;
// short ones are joined to a row of several dims as far as every reduction keeps a simple form
// within it (ReductionForm).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/elementwise.h"
#include "kernels/elementwise_loops.h"
#include "kernels/fold_loops.h"
#include "kernels/scalar_code.h"
#include "kernels/strided.h"

namespace gemmule::kernels {

// Where the elements of a view are within a row.
enum class Access : std::uint8_t {
  direct,   // contiguous: used in place
  scalar,   // one value for the whole row
  strided,  // one stride along the row
  nested,   // anything, in a row of several dims
};

// Which dims of a row a reduction goes over.
enum class ReductionForm : std::uint8_t {
  all,       // all of them: one result
  segments,  // the last ones: a result for each run of `length` elements
  periodic,  // the first ones: `length` results, in which the elements take turns
  none,      // only outer dims: `length` is that of the row
};

// What a reduction over rows has collected.
struct ElementwiseRows {
  std::int64_t pending = 0;  // blocks in its partial results
  std::int64_t filled = 0;   // elements of them in use
  bool has_total = false;
};

struct ElementwisePlan {
  // An input on its way to a block.
  struct Operand {
    int reg;
    Access access;
    bool copied;          // into scratch memory, though contiguous
    bool repeats;         // nested: every block of a row has the same elements
    std::int64_t size;    // of an element, in bytes
    std::int64_t stride;  // along the row
    std::size_t view;     // in `nest`
  };

  // An output that is not reduced.
  struct Result {
    int reg;
    int output;
    Access access;
    bool placed;               // the code writes to the output itself, unless it is in `hazards`;
                               // only among the first 64 results
    std::vector<int> hazards;  // inputs read after the output is written
    std::int64_t size, stride;
    std::size_t view;
  };

  // An output that is.
  struct Reduction {
    int reg;
    int output;
    ReductionForm form;
    bool grouped;         // `none`: rows are added in groups, else each to the output at once
    bool by_block;        // each block of a row has sums of its own
    std::int64_t length;  // see ReductionForm
    std::int64_t size;
    std::size_t view;
    FoldLoops loops;
    Loop combine;
    // Outer dims as bits. A result is complete when the indices of `period` are at their ends; it
    // joins what the output holds unless those of `revisited` are 0.
    std::uint64_t period, revisited;
    // Kept dims of the row, in order, merged; strides in the output.
    Extents shape, strides;
    std::size_t state, partial, total;  // places in scratch memory
  };

  struct Step {
    Loop loop;
    std::array<int, 3> in;
    int out;
    bool single;  // one element instead of a block
  };

  // An output of an empty pass.
  struct Fill {
    int output;
    std::int64_t size;
    Extents shape, strides;
    std::array<std::byte, 16> value;
  };

  LoopNest nest;            // of outputs, then inputs; the virtual stride of reduced dims is 0
  std::size_t n_outer = 0;  // dims of the nest outside of the row
  std::int64_t row = 0;     // elements of a row
  std::int64_t rows = 0;
  std::int64_t block = 0;  // elements of a block, at most those of a row
  bool panels = false;     // all rows of a block of columns before the next one
  std::vector<Operand> operands;
  std::vector<Result> results;
  std::vector<Reduction> reductions;
  std::vector<Fill> fills;
  std::vector<Step> once;     // what is one value for the whole pass
  std::vector<Step> per_row;  // one value for the row
  std::vector<Step> code;
  std::vector<std::byte> constants;
  std::optional<ScalarCode> scalar;  // of a single element: instead of all else

  // Scratch memory begins with the registers' addresses. First those in scratch memory and
  // constants, then those of inputs and outputs, set as the pass goes on.
  int n_registers = 0;
  std::vector<std::pair<int, std::size_t>> slots;     // register, place in scratch memory
  std::vector<std::pair<int, std::size_t>> literals;  // register, place in `constants`
  std::size_t offsets = 0;                            // place of the views' offsets
  std::size_t scratch_bytes = 0;

  void bind(const ElementwiseProgram& program, const Extents& shape, std::span<const ConstView> in,
            std::span<const View> out, const std::string& shape_of);

  std::span<const std::int64_t> row_shape() const { return std::span(nest.shape).subspan(n_outer); }
};

}  // namespace gemmule::kernels
