#include "plan/prepare_case.h"

namespace gemmule {
namespace {

std::string with_bounds(const std::string& body, const std::string& inputs = "%x: f64[3,2], %y: f64[3,2]") {
  return "graph(" + inputs + R"() {
  %0: i64[] = constant() {value = i64[] 0}
  %1: i64[] = constant() {value = i64[] 1}
  %2: i64[] = constant() {value = i64[] 2}
  %3: i64[] = constant() {value = i64[] 3}
)" + body + "}";
}

TEST(Updates, OfEverythingAreTheNewValue) {
  EXPECT_EQ(after(updates, with_bounds("  %r: f64[3,2] = slice_set(%x, %y, %0, %3, %1) {axes = [0]}\n  return %r\n")),
            "graph(%x: f64[3,2], %y: f64[3,2]) {\n  return %y\n}\n");
  EXPECT_EQ(kernels_after(updates, with_bounds("  %r: f64[3,2] = slice_add(%x, %y, %0, %3, %1) {axes = [0]}\n  return %r\n")), "add");
}

TEST(Updates, OfAPartStay) {
  const std::string part = "  %r: f64[3,2] = slice_add(%x, %y, %0, %2, %1) {axes = [0]}\n  return %r\n";
  EXPECT_EQ(kernels_after(updates, with_bounds(part, "%x: f64[3,2], %y: f64[2,2]")), "slice_add");
  const std::string reversed = "  %m: i64[] = constant() {value = i64[] -1}\n  %r: f64[3] = slice_set(%x, %y, %2, %w, %m) {axes = [0]}\n  return %r\n";
  const std::string least = "  %w: i64[] = constant() {value = i64[] -9223372036854775808}\n";
  EXPECT_EQ(kernels_after(updates, with_bounds(least + reversed, "%x: f64[3], %y: f64[3]")), "slice_set");
}

TEST(Updates, KnownIndicesOfARegionAreSlices) {
  const auto indexed = [](const std::string& index, const std::string& result) {
    return "graph(%x: f64[5,2]) {\n  %i: i64[" + index.substr(0, index.find(':')) + "] = constant() {value = i64[" +
           index.substr(0, index.find(':')) + "]" + index.substr(index.find(':') + 1) + "}\n  %r: f64[" + result +
           "] = gather(%x, %i) {axes = [0]}\n  return %r\n}";
  };
  EXPECT_EQ(kernels_after(updates, indexed("3: 1 2 3", "3,2")), "");
  EXPECT_EQ(kernels_after(updates, indexed("2: 0 3", "2,2")), "");
  EXPECT_EQ(kernels_after(updates, indexed("1: -1", "1,2")), "");
  EXPECT_EQ(kernels_after(updates, indexed("3: 1 2 4", "3,2")), "gather");
  EXPECT_EQ(kernels_after(updates, indexed("2: 3 2", "2,2")), "gather");
  EXPECT_EQ(kernels_after(updates, indexed("2: 4 5", "2,2")), "gather") << "out of bounds: the call raises";
}

TEST(Updates, KeepValues) {
  std::mt19937 random(4);
  for (const char* text : {
           "graph(%x: f64[5,2], %y: f64[2]) {\n  %i: i64[3] = constant() {value = i64[3] 0 2 4}\n"
           "  %r: f64[5,2] = scatter_add(%x, %y, %i) {axes = [0]}\n  %s: f64[3,2] = gather(%r, %i) {axes = [0]}\n  return %r, %s\n}",
           "graph(%x: f64[2,4], %y: f64[2]) {\n  %i: i64[] = constant() {value = i64[] -2}\n"
           "  %r: f64[2,4] = scatter_set(%x, %y, %i) {axes = [1]}\n  %s: f64[2] = gather(%r, %i) {axes = [1]}\n  return %r, %s\n}",
           "graph(%x: f64[1,4], %y: f64[4]) {\n  %i: i64[1] = constant() {value = i64[1] 0}\n"
           "  %r: f64[1,4] = scatter_add(%x, %y, %i) {axes = [0]}\n  return %r\n}",
           "graph(%x: i64[3], %y: i64[]) {\n  %i: i64[3] = constant() {value = i64[3] 0 1 2}\n"
           "  %r: i64[3] = scatter_set(%x, %y, %i) {axes = [0]}\n  return %r\n}",
       }) {
    const Graph before = parse_graph(text);
    Graph graph = before;
    updates(graph, {});
    verify(graph);
    EXPECT_THAT(kernels_of(graph), testing::Not(testing::HasSubstr("gather")));
    expect_equal_values(before, graph, random);
  }
}

}  // namespace
}  // namespace gemmule
