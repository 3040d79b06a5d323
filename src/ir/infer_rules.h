// What inference functions share. One function per non-elementwise row of ops.def.
#pragma once

#include <string>
#include <vector>

#include "ir/error.h"
#include "ir/infer.h"
#include "ir/text.h"

namespace gemmule {

using Types = std::vector<Type>;

#define ELEMENTWISE(name, arity, result, properties)
#define OP(name, arity, outputs, kernel, properties) Types infer_##name(InferContext& context);
#include "ir/ops.def"

// "[gemm] <what> (node "mu")"
std::string message(const InferContext& context, const std::string& what);
[[noreturn]] void fail_shape(const InferContext& context, const std::string& what);
[[noreturn]] void fail_dtype(const InferContext& context, const std::string& what);
// "A is f64[3,4]", for messages.
std::string describe(const InferContext& context, int operand, const std::string& name);

// Throws UserError unless there are between `least` and `most` operands.
void need_operands(const InferContext& context, int least, int most);
void need_rank(const InferContext& context, int operand, int rank, const std::string& name);
void need_rank_at_least(const InferContext& context, int operand, int rank, const std::string& name);
// Operands `first` up to the last have the dtype of operand `first`.
void need_same_dtype(const InferContext& context, int first = 0);
void need_scalar(const InferContext& context, int operand, const std::string& name);
void need_integer(const InferContext& context, int operand, const std::string& name);

// Checks that the operand is a batch of square matrices with a dtype that LAPACK has.
void need_square(const InferContext& context, int operand, const std::string& name);
// The same of a batch of any matrices.
void need_matrix(const InferContext& context, int operand, const std::string& name);
// The leading dimensions that operand i has before its last cores[i] ones, which must agree.
Shape common_batch(const InferContext& context, const std::vector<int>& cores);

// The axis, with negative ones counted from the end; throws ShapeError when out of range.
int normal_axis(const InferContext& context, std::int64_t axis, int rank);
std::vector<int> normal_axes(const InferContext& context, const std::string& attribute, int rank);

// Two dimensions that have to agree; returns the one that says more.
bool may_agree(const Dim& a, const Dim& b);
Dim agreed(const Dim& a, const Dim& b);
// No broadcasting between the two: equal ranks, statically 1 only where the other is, sizes that may agree.
bool has_same_shape(const Type& a, const Type& b);
// The permutation that swaps the last two of `rank` axes.
Integers transposed_axes(int rank);
// The broadcast of shapes: 0-d ones fit everything, others have one rank (or are aligned at the right
// when `align_right`), dimensions that are statically 1 stretch.
Shape broadcast(const InferContext& context, const std::vector<int>& operands, bool align_right = false);
// Throws unless `shape` (aligned right) broadcasts to `target`.
void need_broadcasts_to(const InferContext& context, const Shape& shape, const Shape& target,
                        const std::string& name);

// The size that a 0-d integer operand stands for: a constant, the size of another value, or a new symbol.
Dim size_operand(InferContext& context, int operand);

}  // namespace gemmule
