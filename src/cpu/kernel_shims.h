#pragma once
#include <vector>
#include "kernels/movement.h"
#include "kernels/reduce.h"
namespace gemmule::kernels {
struct CopyKernel { ConstView in; View out; CopyKernel(ConstView a, View b) : in(a), out(b) {}
  void run(const void* a, void* b) const { auto x = in; auto y = out; x.data = a; y.data = b; copy(x, y); } };
struct ReduceKernel { Op op; DType acc; ConstView in; std::vector<int> axes; View out;
  ReduceKernel(Op o, DType d, ConstView i, std::vector<int> a, View r) : op(o), acc(d), in(i), axes(a), out(r) {}
  void run(const void* a, void* b) const { auto x = in; auto y = out; x.data = a; y.data = b; reduce(op, acc, x, axes, y); } };
struct CumulateKernel { Op op; ConstView in; int axis; View out;
  CumulateKernel(Op o, ConstView i, int a, View r) : op(o), in(i), axis(a), out(r) {}
  void run(const void* a, void* b) const { auto x = in; auto y = out; x.data = a; y.data = b; cumulate(op, x, axis, y); } };
struct SortKernel { Op op; ConstView in; int axis; View out;
  SortKernel(Op o, ConstView i, int a, View r) : op(o), in(i), axis(a), out(r) {}
  void run(const void* a, void* b) const { auto x = in; auto y = out; x.data = a; y.data = b; if (op == Op::sort) sort(x, axis, y); else argsort(x, axis, y); } };
struct GatherKernel { ConstView x; std::vector<ConstView> ix; std::vector<int> axes; View out;
  GatherKernel(ConstView a, std::vector<ConstView> i, std::vector<int> ax, View o) : x(a), ix(i), axes(ax), out(o) {}
  std::optional<IndexError> run(const void* a, const void* const* i, void* o) const { auto v = x; auto w = ix; auto y = out; v.data = a; for (size_t k = 0; k < w.size(); ++k) w[k].data = i[k]; y.data = o; return gather(v, w, axes, y); } };
struct ScatterKernel { ScatterMode mode; View x; ConstView y; std::vector<ConstView> ix; std::vector<int> axes;
  ScatterKernel(ScatterMode m, View a, ConstView b, std::vector<ConstView> i, std::vector<int> ax) : mode(m), x(a), y(b), ix(i), axes(ax) {}
  std::optional<IndexError> run(void* a, const void* b, const void* const* i) const { auto v = x; auto w = ix; auto u = y; v.data = a; u.data = b; for (size_t k = 0; k < w.size(); ++k) w[k].data = i[k]; return scatter(mode, v, u, w, axes); } };
}
