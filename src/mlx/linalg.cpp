// The primitives over LAPACK. The kernels take leading axes by themselves.
#include "mlx/host_primitives.h"

namespace gemmule {

namespace {

Extents without_last(Extents shape, int count) {
  shape.resize(shape.size() - count);
  return shape;
}

}  // namespace

// -- Cholesky -----------------------------------------------------------------------------------

std::vector<Extents> Cholesky::result_shapes(const std::vector<Extents>& operands) const {
  return {operands[0]};
}
void Cholesky::compute(std::span<const ConstView> in, std::span<const View> out) const {
  compute_batch(in, out, 0);
}
void Cholesky::compute_batch(std::span<const ConstView> in, std::span<const View> out, int) const {
  kernels::cholesky(in[0], out[0], lower_);
}
bool Cholesky::same_parameters(const HostPrimitive& other) const {
  return lower_ == static_cast<const Cholesky&>(other).lower_;
}
std::shared_ptr<HostPrimitive> Cholesky::with(Signature signature) const {
  return std::make_shared<Cholesky>(where(), std::move(signature), lower_);
}

// -- SolveTriangular ----------------------------------------------------------------------------

std::vector<Extents> SolveTriangular::result_shapes(const std::vector<Extents>& operands) const {
  return {operands[1]};
}
void SolveTriangular::compute(std::span<const ConstView> in, std::span<const View> out) const {
  compute_batch(in, out, 0);
}
void SolveTriangular::compute_batch(std::span<const ConstView> in, std::span<const View> out,
                                    int) const {
  kernels::solve_triangular(in[0], in[1], out[0], options_);
}
bool SolveTriangular::same_parameters(const HostPrimitive& other) const {
  const kernels::TriangularOptions& same = static_cast<const SolveTriangular&>(other).options_;
  return options_.lower == same.lower && options_.trans == same.trans &&
         options_.unit_diagonal == same.unit_diagonal;
}
std::shared_ptr<HostPrimitive> SolveTriangular::with(Signature signature) const {
  return std::make_shared<SolveTriangular>(where(), std::move(signature), options_);
}

// -- Solve --------------------------------------------------------------------------------------

std::vector<Extents> Solve::result_shapes(const std::vector<Extents>& operands) const {
  return {operands[1]};
}
void Solve::compute(std::span<const ConstView> in, std::span<const View> out) const {
  compute_batch(in, out, 0);
}
void Solve::compute_batch(std::span<const ConstView> in, std::span<const View> out, int) const {
  kernels::solve(in[0], in[1], out[0]);
}
std::shared_ptr<HostPrimitive> Solve::with(Signature signature) const {
  return std::make_shared<Solve>(where(), std::move(signature));
}

// -- Inverse ------------------------------------------------------------------------------------

std::vector<Extents> Inverse::result_shapes(const std::vector<Extents>& operands) const {
  return {operands[0]};
}
void Inverse::compute(std::span<const ConstView> in, std::span<const View> out) const {
  compute_batch(in, out, 0);
}
void Inverse::compute_batch(std::span<const ConstView> in, std::span<const View> out, int) const {
  kernels::inv(in[0], out[0]);
}
std::shared_ptr<HostPrimitive> Inverse::with(Signature signature) const {
  return std::make_shared<Inverse>(where(), std::move(signature));
}

// -- Slogdet ------------------------------------------------------------------------------------

std::vector<Extents> Slogdet::result_shapes(const std::vector<Extents>& operands) const {
  const Extents batch = without_last(operands[0], 2);
  return {batch, batch};
}
void Slogdet::compute(std::span<const ConstView> in, std::span<const View> out) const {
  compute_batch(in, out, 0);
}
void Slogdet::compute_batch(std::span<const ConstView> in, std::span<const View> out, int) const {
  kernels::slogdet(in[0], out[0], out[1]);
}
std::shared_ptr<HostPrimitive> Slogdet::with(Signature signature) const {
  return std::make_shared<Slogdet>(where(), std::move(signature));
}

// -- Eigh ---------------------------------------------------------------------------------------

std::vector<Extents> Eigh::result_shapes(const std::vector<Extents>& operands) const {
  return {without_last(operands[0], 1), operands[0]};
}
void Eigh::compute(std::span<const ConstView> in, std::span<const View> out) const {
  compute_batch(in, out, 0);
}
void Eigh::compute_batch(std::span<const ConstView> in, std::span<const View> out, int) const {
  kernels::eigh(in[0], lower_, out[0], out[1]);
}
bool Eigh::same_parameters(const HostPrimitive& other) const {
  return lower_ == static_cast<const Eigh&>(other).lower_;
}
std::shared_ptr<HostPrimitive> Eigh::with(Signature signature) const {
  return std::make_shared<Eigh>(where(), std::move(signature), lower_);
}

}  // namespace gemmule
