#include "passes/pipeline.h"

#include "ir/error.h"
#include "passes/text_case.h"

namespace gemmule {
namespace {

TEST(Pipeline, DumpsAfterTheNamedPass) {
  testing::internal::CaptureStderr();
  optimised(with_body("  %p: f64[m,n] = matmul(%A, %B)\n  %s: f64[m,n] = add(%p, %C)\n  return %s\n"),
            {.dump = "after:blas,after:merge"});
  const std::string dump = testing::internal::GetCapturedStderr();
  EXPECT_THAT(dump, testing::HasSubstr("-- after merge (unchanged)\n"));
  EXPECT_THAT(dump, testing::HasSubstr("-- after blas\ngraph("));
  EXPECT_THAT(dump, testing::HasSubstr("gemm(%"));
  EXPECT_THROW(optimised(with_body("  return %A\n"), {.dump = "after:nothing"}), UserError);
}

TEST(Pipeline, TimesEveryPass) {
  const Optimised result = optimised(with_body("  return %A\n"));
  EXPECT_EQ(result.times.size(), pipeline().size());
}

TEST(Merge, EqualNodesBecomeOne) {
  EXPECT_EQ(counts_of(with_body(R"(
  %p: f64[m,n] = matmul(%A, %B) {origin = "first"}
  %q: f64[m,n] = matmul(%A, %B)
  return %p, %q
)")),
            (Counts{{"matmul", 1}}));
  // Fresh memory is the point of a copy.
  EXPECT_EQ(counts_of(with_body("  %p: f64[m] = copy(%u)\n  %q: f64[m] = copy(%u)\n  return %p, %q\n")),
            (Counts{{"copy", 2}}));
}

TEST(Fusion, AVectorThatAMatrixReadsIsComputedOnce) {
  const Optimised result = optimised(with_body(R"(
  %e: f64[m] = exp(%u)
  %f: f64[m] = square(%e)
  %c: f64[m,1] = expand_dims(%f) {axes = [1]}
  %s: f64[m,n] = multiply(%C, %c)
  %t: f64[m,n] = sqrt(%s)
  return %t
)"));
  EXPECT_EQ(kernel_counts(result.graph), (Counts{{"elementwise", 2}}));
}

TEST(Fusion, ValuesReadElsewhereEndAGroup) {
  EXPECT_EQ(counts_of(with_body(R"(
  %e: f64[m] = exp(%u)
  %f: f64[m] = square(%e)
  %g: f64[m] = add(%f, %e)
  return %g, %e
)")),
            (Counts{{"elementwise", 2}}));
  // All readers in one group: one pass.
  EXPECT_EQ(counts_of(with_body(R"(
  %e: f64[m] = exp(%u)
  %f: f64[m] = square(%e)
  %g: f64[m] = add(%f, %e)
  return %g
)")),
            (Counts{{"elementwise", 1}}));
}

TEST(Fusion, LongChainsAreCut) {
  std::string body = "  %x0: f64[m] = exp(%u)\n";
  for (int i = 1; i < 300; ++i) {
    body += "  %x" + std::to_string(i) + ": f64[m] = tanh(%x" + std::to_string(i - 1) + ")\n";
  }
  EXPECT_EQ(counts_of(with_body(body + "  return %x299\n")), (Counts{{"elementwise", 4}}));
}

TEST(Canonicalise, ViewsCompose) {
  const Optimised result = optimised(with_body(R"(
  %t: f64[n,m] = transpose(%C) {perm = [1,0]}
  %tt: f64[m,n] = transpose(%t) {perm = [1,0]}
  %e: f64[m,n,1] = expand_dims(%tt) {axes = [2]}
  %s: f64[m,n] = squeeze(%e) {axes = [-1]}
  %n: f64[m,n] = negative(%s)
  %nn: f64[m,n] = negative(%n)
  %c: f64[m,n] = cast(%nn) {dtype = f64}
  return %c
)"));
  EXPECT_THAT(result.graph.nodes, testing::IsEmpty());
}

TEST(Canonicalise, ASqueezeThatChecksASizeStays) {
  const Optimised result = optimised(R"(graph(%x: f64[m,k]) {
  %s: f64[m] = squeeze(%x) {axes = [1]}
  %e: f64[m,1] = expand_dims(%s) {axes = [1]}
  return %e
})");
  EXPECT_EQ(result.graph.nodes.size(), 2u);
}

}  // namespace
}  // namespace gemmule
