// The parser of the IR's text under libFuzzer: cmake -DGEMMULE_FUZZ=ON with clang, then
// build/fuzz/fuzz CORPUS.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "ir/error.h"
#include "ir/text.h"
#include "ir/verify.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const gemmule::Graph graph = gemmule::parse_graph({reinterpret_cast<const char*>(data), size});
    gemmule::verify(graph);
    gemmule::parse_graph(gemmule::to_text(graph));
  } catch (const gemmule::UserError&) {
  }
  return 0;
}
