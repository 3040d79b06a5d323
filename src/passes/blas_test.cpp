// What recognition makes of graphs, and what it must leave alone. The spellings that PyTensor users
// write are tested end to end in tests/test_patterns.py; here are the corners of the passes.
#include "passes/text_case.h"

namespace gemmule {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string kSum = R"(
  %p: f64[m,n] = matmul(%A, %B)
  %q: f64[m,n] = multiply(%a, %p)
  %r: f64[m,n] = multiply(%b, %C)
  %s: f64[m,n] = add(%q, %r)
  return %s
)";

TEST(Blas, ScaledSumIsOneGemm) {
  const Optimised result = optimised(with_body(kSum));
  EXPECT_EQ(to_text(result.graph), with_body("  %11: f64[m,n] = gemm(%a, %A, %B, %b, %C)\n  return %11\n"));
  EXPECT_EQ(result.graph.nodes[0].equation, "a*A@B + b*C");
  EXPECT_EQ(result.fired.at("gemm"), 1);
  EXPECT_THAT(result.missed, IsEmpty());
}

TEST(Blas, TransposesBecomeFlagsAndThePushedOneStays) {
  EXPECT_EQ(to_text(optimised(with_body(R"(
  %at: f64[k,m] = transpose(%A) {perm = [1,0]}
  %bt: f64[n,k] = transpose(%B) {perm = [1,0]}
  %p: f64[n,m] = matmul(%bt, %at)
  %n: f64[n,m] = negative(%p)
  %t: f64[m,n] = transpose(%n) {perm = [1,0]}
  %s: f64[m,n] = subtract(%C, %t)
  return %s
)")).graph),
            with_body(R"(  %11: f64[] = constant() {value = f64[] 1}
  %12: f64[m,n] = gemm(%11, %A, %B, %11, %C)
  return %12
)"));
}

TEST(Blas, CoefficientsOfEqualTermsAreAdded) {
  // Z + D + D and C*a + C*b: numbers are summed here, values in the graph.
  EXPECT_EQ(counts_of(with_body(R"(
  %p: f64[m,n] = matmul(%A, %B)
  %1x: f64[m,n] = add(%C, %p)
  %2x: f64[m,n] = add(%1x, %p)
  return %2x
)")),
            (Counts{{"gemm", 1}}));
  EXPECT_EQ(counts_of(with_body(R"(
  %p: f64[m,n] = matmul(%A, %B)
  %ca: f64[m,n] = multiply(%C, %a)
  %cb: f64[m,n] = multiply(%b, %C)
  %1x: f64[m,n] = add(%ca, %p)
  %2x: f64[m,n] = add(%1x, %cb)
  return %2x
)")),
            (Counts{{"elementwise", 1}, {"gemm", 1}}));
}

TEST(Blas, AProductWithAnotherReaderIsNotSwallowed) {
  const Optimised result = optimised(with_body(R"(
  %p: f64[m,n] = matmul(%A, %B)
  %s: f64[m,n] = add(%p, %C)
  %e: f64[m,n] = exp(%p)
  return %s, %e
)"));
  EXPECT_EQ(kernel_counts(result.graph), (Counts{{"elementwise", 2}, {"matmul", 1}}));
  EXPECT_THAT(result.missed, ElementsAre(testing::Field(&Missed::reason,
                                                         testing::HasSubstr("has other readers"))));
}

TEST(Blas, ASharedProductStillServesAsAddend) {
  EXPECT_EQ(counts_of(with_body(R"(
  %p: f64[m,n] = matmul(%A, %B)
  %w2: f64[k,n] = multiply(%a, %B)
  %p2: f64[m,n] = matmul(%A, %w2)
  %s: f64[m,n] = add(%p, %p2)
  return %s, %p
)")),
            (Counts{{"elementwise", 1}, {"gemm", 1}, {"matmul", 1}}));
}

TEST(Blas, BiasStaysOutsideAndIsReported) {
  const Optimised result = optimised(with_body(R"(
  %p: f64[m,n] = matmul(%A, %B)
  %r: f64[1,n] = expand_dims(%v) {axes = [0]}
  %s: f64[m,n] = add(%p, %r)
  return %s
)"));
  EXPECT_EQ(kernel_counts(result.graph), (Counts{{"elementwise", 1}, {"matmul", 1}}));
  ASSERT_FALSE(result.missed.empty());
  EXPECT_THAT(result.missed[0].reason, testing::HasSubstr("f64[1,n] and would have to broadcast to f64[m,n]"));
}

TEST(Blas, ThreeProductsAreOneProductAndTwoGemms) {
  EXPECT_EQ(counts_of(with_body(R"(
  %p: f64[m,n] = matmul(%A, %B)
  %ab: f64[k,n] = multiply(%a, %B)
  %q: f64[m,n] = matmul(%A, %ab)
  %bb: f64[k,n] = exp(%B)
  %r: f64[m,n] = matmul(%A, %bb)
  %s: f64[m,n] = add(%p, %q)
  %t: f64[m,n] = add(%s, %r)
  return %t
)")),
            (Counts{{"elementwise", 2}, {"gemm", 2}, {"matmul", 1}}));
}

TEST(Blas, RankOneUpdates) {
  const std::string columns = "  %c: f64[m,1] = expand_dims(%u) {axes = [1]}\n  %r: f64[1,n] = expand_dims(%v) {axes = [0]}\n";
  EXPECT_EQ(counts_of(with_body(columns + R"(
  %o: f64[m,n] = multiply(%c, %r)
  %s: f64[m,n] = add(%C, %o)
  return %s
)")),
            (Counts{{"ger", 1}}));
  // The scale may sit anywhere; a scaled addend asks for a gemm.
  EXPECT_EQ(counts_of(with_body(columns + R"(
  %ac: f64[m,1] = multiply(%a, %c)
  %o: f64[m,n] = multiply(%r, %ac)
  %s: f64[m,n] = subtract(%C, %o)
  return %s
)")),
            (Counts{{"elementwise", 1}, {"ger", 1}}));
  EXPECT_EQ(counts_of(with_body(columns + R"(
  %o: f64[m,n] = multiply(%c, %r)
  %ao: f64[m,n] = multiply(%a, %o)
  %bc: f64[m,n] = multiply(%b, %C)
  %s: f64[m,n] = add(%bc, %ao)
  return %s
)")),
            (Counts{{"gemm", 1}}));
  // An outer product that only elementwise ops read is a broadcast of theirs.
  EXPECT_EQ(counts_of(with_body(columns + R"(
  %o: f64[m,n] = multiply(%c, %r)
  %e: f64[m,n] = exp(%o)
  return %e
)")),
            (Counts{{"elementwise", 1}}));
}

TEST(Blas, AScaleBesideAnotherFactorGoesIntoTheProduct) {
  EXPECT_EQ(counts_of(with_body(R"(
  %p: f64[m,n] = matmul(%A, %B)
  %q: f64[m,n] = multiply(%a, %C)
  %r: f64[m,n] = multiply(%q, %p)
  return %r
)")),
            (Counts{{"elementwise", 1}, {"matmul", 1}}));
}

TEST(Blas, SumsWithoutProductsAreLeftAsWritten) {
  const Optimised result = optimised(with_body(R"(
  %x: f64[m,n] = multiply(%a, %C)
  %y: f64[m,n] = add(%x, %D)
  %z: f64[m,n] = multiply(%b, %y)
  return %z
)"),
                                     {.disabled = {"fusion"}});
  EXPECT_EQ(result.graph.nodes.size(), 3u);
  EXPECT_EQ(result.graph.nodes[2].op, Op::multiply);
}

TEST(Blas, IntegerProductsStayProducts) {
  EXPECT_EQ(counts_of(R"(graph(%A: i64[m,k], %B: i64[k,n], %C: i64[m,n]) {
  %p: i64[m,n] = matmul(%A, %B)
  %s: i64[m,n] = add(%p, %C)
  return %s
})"),
            (Counts{{"elementwise", 1}, {"matmul", 1}}));
}

TEST(Blas, StaticRowsAndColumnsBecomeGemv) {
  EXPECT_EQ(counts_of(R"(graph(%A: f64[m,k], %B: f64[k,1], %C: f64[m,1]) {
  %p: f64[m,1] = matmul(%A, %B)
  %s: f64[m,1] = add(%p, %C)
  return %s
})"),
            (Counts{{"gemv", 1}}));
  EXPECT_EQ(counts_of(R"(graph(%A: f64[1,k], %B: f64[k,n]) {
  %p: f64[1,n] = matmul(%A, %B)
  return %p
})"),
            (Counts{{"gemv", 1}}));
  EXPECT_EQ(counts_of(R"(graph(%A: f64[m,1], %B: f64[1,n], %C: f64[m,n]) {
  %p: f64[m,n] = matmul(%A, %B)
  %s: f64[m,n] = subtract(%C, %p)
  return %s
})"),
            (Counts{{"ger", 1}}));
}

TEST(Blas, AColumnOfAMatrixVectorProductIsAGemvOfColumns) {
  EXPECT_EQ(counts_of(R"(graph(%A: f64[m,k], %x: f64[k], %C: f64[p,1], %s: f64[1,1]) {
  %p: f64[m] = matvec(%A, %x)
  %c: f64[m,1] = expand_dims(%p) {axes = [1]}
  %q: f64[m,1] = multiply(%s, %c)
  %t: f64[p,1] = add(%C, %q)
  return %t
})"),
            (Counts{{"gemv", 1}}));
}

TEST(Blas, ExplicitGemmThatBroadcastsKeepsItsFlag) {
  const Optimised result = optimised(R"(graph(%a: f64[], %A: f64[m,1], %B: f64[1,n], %C: f64[p,n]) {
  %at: f64[1,m] = transpose(%A) {perm = [1,0]}
  %att: f64[m,1] = transpose(%at) {perm = [1,0]}
  %b: f64[] = constant() {value = f64[] 1}
  %s: f64[m,n] = gemm(%a, %att, %B, %b, %C) {broadcast_c = true}
  return %s
})");
  EXPECT_EQ(kernel_counts(result.graph), (Counts{{"gemm", 1}}));
  EXPECT_TRUE(result.graph.nodes.back().attributes.flag("broadcast_c"));
}

TEST(Rules, CanBeSwitchedOff) {
  // By the name of what they make, all of them; by their own, one.
  EXPECT_EQ(counts_of(with_body(kSum), {.disabled = {"gemm"}}), (Counts{{"elementwise", 1}, {"matmul", 1}}));
  EXPECT_EQ(counts_of(with_body(kSum), {.disabled = {"gemm_trans_a"}}), (Counts{{"gemm", 1}}));
  EXPECT_EQ(counts_of(with_body(kSum), {.disabled = {"flatten", "fusion"}}), (Counts{{"elementwise", 3}, {"matmul", 1}}));
  try {
    optimised(with_body(kSum), {.disabled = {"gem"}});
    FAIL();
  } catch (const std::exception& error) {
    EXPECT_STREQ(error.what(), "cannot disable 'gem': no pass, rule or kernel of a rule has that name");
  }
}

TEST(Rules, PrintAsTheirEquation) {
  EXPECT_EQ(blas_rules()[0].text(),
            "gemm: a*A@B + b*C -> gemm(a, A, B, b, C), when matmul has no other reader and C has the shape of "
            "matmul and C is not a product that only this sum reads");
  std::set<std::string> names;
  for (const Rule* rule : all_rules()) EXPECT_TRUE(names.insert(rule->name).second) << rule->name;
}

TEST(Rules, BindWhatTheyUse) {
  for (const auto* rules : {&canonical_rules(), &blas_rules(), &degrade_rules(), &absorb_rules()}) check_rules(*rules);
}

}  // namespace
}  // namespace gemmule
