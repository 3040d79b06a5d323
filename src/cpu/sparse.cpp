// Products with sparse matrices.
#include "kernels/sparse.h"

#include <utility>

#include "cpu/step.h"
#include "ir/error.h"

namespace gemmule::cpu {
namespace {

std::string outside(const StepContext& context) {
  return context.message("indices or indptr of the sparse matrix point outside of it");
}

}  // namespace

std::unique_ptr<Step> make_csr_matmul(const StepContext& context) {
  return step_of([data = context.operand(0), pattern = kernels::Pattern{context.operand(1), context.operand(2)},
                  transpose = context.node.attributes.flag("transpose"), b = context.operand(5),
                  out = context.result(), message = outside(context)](
                     void* const* address) mutable {
    data.data = address[0];
    pattern.indices.data = address[1];
    pattern.indptr.data = address[2];
    b.data = address[5];
    out.data = address[6];
    if (!kernels::csr_matmul(data, pattern, transpose, b, out)) throw IndexError(message);
  });
}

std::unique_ptr<Step> make_csr_sampled_matmul(const StepContext& context) {
  return step_of([pattern = kernels::Pattern{context.operand(0), context.operand(1)}, a = context.operand(2),
                  b = context.operand(3), out = context.result(), message = outside(context)](
                     void* const* address) mutable {
    pattern.indices.data = address[0];
    pattern.indptr.data = address[1];
    a.data = address[2];
    b.data = address[3];
    out.data = address[4];
    if (!kernels::csr_sampled_matmul(pattern, a, b, out)) throw IndexError(message);
  });
}

std::unique_ptr<Step> make_csr_sample(const StepContext& context) {
  const auto columns = context.graph.integer_constant(context.node.inputs[3]);
  if (!columns) throw UnsupportedError(context.message("the number of columns depends on computed data"));
  return step_of([data = context.operand(0), pattern = kernels::Pattern{context.operand(1), context.operand(2)},
                  columns = *columns, to = kernels::Pattern{context.operand(4), context.operand(5)},
                  out = context.result(), message = outside(context)](void* const* address) mutable {
    data.data = address[0];
    pattern.indices.data = address[1];
    pattern.indptr.data = address[2];
    to.indices.data = address[4];
    to.indptr.data = address[5];
    out.data = address[6];
    if (!kernels::csr_sample(data, pattern, columns, to, out)) throw IndexError(message);
  });
}

}  // namespace gemmule::cpu
