#include <cstring>
#include <stdexcept>
#include <string>

#include "kernels/movement.h"

namespace gemmule::kernels {

CopyKernel::CopyKernel(const ConstView& in, const View& out) : size_(size_of(in.dtype)) {
  const auto fail = [](const std::string& what) { throw std::invalid_argument("[copy] " + what); };
  if (in.dtype != out.dtype) fail("operand and result differ in dtype");
  if (in.shape != out.shape) fail("operand and result differ in shape");
  if (in.shape.size() > kMaxRank) fail("the rank is above 64");
  const std::int64_t count = element_count(in.shape);
  is_empty_ = count == 0;
  if (is_empty_) return;
  const Extents* const strides[] = {&out.strides, &in.strides};
  nest_ = loop_nest(in.shape, strides);
  const bool is_dense = nest_.rank() == 0 ||
                        (nest_.rank() == 1 && nest_.strides[0][0] == 1 && nest_.strides[1][0] == 1);
  if (is_dense) contiguous_ = size_ * static_cast<std::size_t>(count);
}

void CopyKernel::run(const void* in, void* out) const {
  if (contiguous_ > 0) {
    std::memcpy(out, in, contiguous_);
  } else if (!is_empty_) {
    copy_nest(nest_, size_, static_cast<std::byte*>(out), static_cast<const std::byte*>(in));
  }
}

void copy(const ConstView& in, const View& out) { CopyKernel(in, out).run(in.data, out.data); }

}  // namespace gemmule::kernels
