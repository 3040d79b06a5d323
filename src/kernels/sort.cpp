#include <cstring>
#include <stdexcept>
#include <string>

#include "kernels/merge_sort.h"
#include "kernels/movement.h"
#include "kernels/scalar_functions.h"
#include "kernels/scratch.h"

namespace gemmule::kernels {
template <class T>
void SortKernel::sort_values(const Line& line, const void* in, void* out) {
  const std::int64_t n = line.length;
  const Scratch memory(2 * sizeof(T) * static_cast<std::size_t>(n));
  T* const x = memory.as<T>();
  move_elements(sizeof(T), x, 1, in, line.in_stride, n);
  const T* const sorted = merge_sort(x, x + n, n, comes_before<T>);
  move_elements(sizeof(T), out, line.out_stride, sorted, 1, n);
}

template <class T>
void SortKernel::sort_positions(const Line& line, const void* in, void* out) {
  struct Entry {
    T value;
    std::int64_t position;
  };
  const std::int64_t n = line.length;
  const Scratch memory(2 * sizeof(Entry) * static_cast<std::size_t>(n));
  Entry* const entries = memory.as<Entry>();
  const T* const x = static_cast<const T*>(in);
  for (std::int64_t i = 0; i < n; ++i) entries[i] = {x[i * line.in_stride], i};
  const Entry* const sorted =
      merge_sort(entries, entries + n, n,
                 [](const Entry& a, const Entry& b) { return comes_before(a.value, b.value); });
  std::int64_t* const order = static_cast<std::int64_t*>(out);
  for (std::int64_t i = 0; i < n; ++i) order[i * line.out_stride] = sorted[i].position;
}

SortKernel::SortKernel(What what, const ConstView& in, int axis, const View& out)
    : in_size_(static_cast<std::int64_t>(size_of(in.dtype))),
      out_size_(static_cast<std::int64_t>(size_of(out.dtype))) {
  const bool sorts = what == What::sort;
  const auto fail = [sorts](const std::string& text) {
    throw std::invalid_argument((sorts ? "[sort] " : "[argsort] ") + text);
  };
  if (sorts && in.dtype != out.dtype) fail("operand and result differ in dtype");
  if (!sorts && out.dtype != DType::i64) fail("the result is not int64");
  const int rank = static_cast<int>(in.shape.size());
  if (axis < 0 || axis >= rank || rank > static_cast<int>(kMaxRank)) {
    fail("axis " + std::to_string(axis) + " of an array of rank " + std::to_string(rank));
  }
  if (in.shape != out.shape) fail("operand and result differ in shape");
  visit_dtype(in.dtype,
              [&]<class T>(T) { sort_line_ = sorts ? sort_values<T> : sort_positions<T>; });
  const auto at = static_cast<std::size_t>(axis);
  line_ = {in.shape[at], in.strides[at], out.strides[at]};
  shape_ = in.shape, in_strides_ = in.strides, out_strides_ = out.strides;
  for (Extents* e : {&shape_, &in_strides_, &out_strides_}) e->erase(e->begin() + axis);
  lines_ = element_count(in.shape) == 0 ? 0 : element_count(shape_);
}

void SortKernel::run(const void* in, void* out) const {
  Odometer<2> position(shape_, {in_strides_, out_strides_});
  for (std::int64_t k = 0; k < lines_; ++k, position.next()) {
    sort_line_(line_, static_cast<const std::byte*>(in) + position.offset(0) * in_size_,
               static_cast<std::byte*>(out) + position.offset(1) * out_size_);
  }
}

void sort(const ConstView& in, int axis, const View& out) {
  SortKernel(SortKernel::What::sort, in, axis, out).run(in.data, out.data);
}

void argsort(const ConstView& in, int axis, const View& out) {
  SortKernel(SortKernel::What::argsort, in, axis, out).run(in.data, out.data);
}

}  // namespace gemmule::kernels
