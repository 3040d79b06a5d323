// Text cases: a graph in, what the passes make of it out.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "ir/text.h"
#include "passes/pipeline.h"

namespace gemmule {

using Counts = std::map<std::string, int>;

inline Optimised optimised(const std::string& text, PipelineOptions options = {}) {
  return optimise(parse_graph(text), options);
}

inline Counts counts_of(const std::string& text, PipelineOptions options = {}) {
  return kernel_counts(optimised(text, std::move(options)).graph);
}

// A graph over matrices A[m,k], B[k,n], C[m,n], D[m,n], R[n,p], S[p,m], vectors u[m], v[n], w[k] and
// scalars a, b, all f64, from the lines of its body: "%3: f64[m,n] = matmul(%A, %B)".
inline std::string with_body(const std::string& body) {
  return "graph(%A: f64[m,k], %B: f64[k,n], %C: f64[m,n], %D: f64[m,n], %R: f64[n,p], %S: f64[p,m], "
         "%u: f64[m], %v: f64[n], %w: f64[k], %a: f64[], %b: f64[]) {\n" +
         body + "}\n";
}

}  // namespace gemmule
