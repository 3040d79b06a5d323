// Up to four numbers in a register, for matrices of a few rows.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/function_clones.h"

namespace gemmule::kernels {

template <class T>
struct QuadOf {
  typedef T type __attribute__((vector_size(4 * sizeof(T))));
};
template <class T>
using Quad = typename QuadOf<T>::type;

// x[0 ... count), zeros behind. Never by way of memory: a vector cannot be loaded from what was
// stored number by number a moment ago.
template <int count, class T>
GEMMULE_INLINE void load(const T* x, std::int64_t stride, Quad<T>& quad) {
  if constexpr (count == 4) {
    if (stride == 1) {
      std::memcpy(&quad, x, sizeof quad);
      return;
    }
  }
  Quad<T> loaded{};
  loaded[0] = x[0];
  if constexpr (count > 1) loaded[1] = x[stride];
  if constexpr (count > 2) loaded[2] = x[2 * stride];
  if constexpr (count > 3) loaded[3] = x[3 * stride];
  quad = loaded;
}

template <int count, class T>
GEMMULE_INLINE void store(T* x, std::int64_t stride, const Quad<T>& quad) {
  if constexpr (count == 4) {
    if (stride == 1) {
      std::memcpy(x, &quad, sizeof quad);
      return;
    }
  }
  x[0] = quad[0];
  if constexpr (count > 1) x[stride] = quad[1];
  if constexpr (count > 2) x[2 * stride] = quad[2];
  if constexpr (count > 3) x[3 * stride] = quad[3];
}

// The same for a number of them from 2 to 4 that the compiler does not know.
template <class T>
GEMMULE_INLINE void load(int count, const T* x, std::int64_t stride, Quad<T>& quad) {
  if (count == 4) {
    load<4>(x, stride, quad);
  } else if (count == 3) {
    load<3>(x, stride, quad);
  } else {
    load<2>(x, stride, quad);
  }
}
template <class T>
GEMMULE_INLINE void store(int count, T* x, std::int64_t stride, const Quad<T>& quad) {
  if (count == 4) {
    store<4>(x, stride, quad);
  } else if (count == 3) {
    store<3>(x, stride, quad);
  } else {
    store<2>(x, stride, quad);
  }
}

// A row of m <= 8 numbers in one register or two.
template <int m>
inline constexpr int kQuads = m > 4 ? 2 : 1;
template <int m, class T>
GEMMULE_INLINE void load_row(const T* x, std::int64_t stride, Quad<T>* row) {
  load<(m < 4 ? m : 4)>(x, stride, row[0]);
  if constexpr (m > 4) load<m - 4>(x + 4 * stride, stride, row[1]);
}

// f.operator()<m>() for m from 1 to 8.
template <class F>
GEMMULE_INLINE auto with_order(std::int64_t m, F&& f) {
  switch (m) {
    case 1:
      return f.template operator()<1>();
    case 2:
      return f.template operator()<2>();
    case 3:
      return f.template operator()<3>();
    case 4:
      return f.template operator()<4>();
    case 5:
      return f.template operator()<5>();
    case 6:
      return f.template operator()<6>();
    case 7:
      return f.template operator()<7>();
    default:
      return f.template operator()<8>();
  }
}

}  // namespace gemmule::kernels
