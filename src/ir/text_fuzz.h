// Text of graphs that are valid, and text that nearly is: for tests of what reads it.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ir/error.h"
#include "ir/text.h"

namespace gemmule::fuzz {

using Random = std::mt19937;

// GEMMULE_FUZZ_SEED, or one that is the same every time.
inline std::uint32_t seed() {
  const char* given = std::getenv("GEMMULE_FUZZ_SEED");
  return given == nullptr ? 20261 : static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10));
}

inline std::size_t below(Random& random, std::size_t n) { return random() % n; }

template <class T>
const T& pick(Random& random, const std::vector<T>& from) {
  return from[below(random, from.size())];
}

// -- a valid program of every op
// -------------------------------------------------------------------------

// Programs of ops whose operands or attributes chance does not find.
inline const std::map<std::string, std::string>& written_programs() {
  static const std::map<std::string, std::string> programs = {
      {"fused",
       "graph(%x: f64[n], %y: f64[n]) {\n  %2: f64[n] = fused(%x, %y) {body = graph(%a: f64[], %b: "
       "f64[]) {\n"
       "    %2: f64[] = exp(%a)\n    %3: f64[] = multiply(%2, %b)\n    return %3\n  }}\n  return "
       "%2\n}\n"},
      {"slice",
       "graph(%x: f64[n,3], %s: i64[], %e: i64[], %d: i64[]) {\n"
       "  %4: f64[?,3] = slice(%x, %s, %e, %d) {axes = [0]}\n  return %4\n}\n"},
      {"slice_set",
       "graph(%x: f64[5], %y: f64[], %s: i64[]) {\n  %3: i64[] = constant() {value = i64[] 1}\n"
       "  %4: f64[5] = slice_set(%x, %y, %s, %s, %3) {axes = [0]}\n  return %4\n}\n"},
      {"slice_add",
       "graph(%x: f64[5], %y: f64[]) {\n  %2: i64[] = constant() {value = i64[] 1}\n"
       "  %3: i64[] = constant() {value = i64[] 2}\n"
       "  %4: f64[5] = slice_add(%x, %y, %2, %3, %2) {axes = [0], elements = [0]}\n  return "
       "%4\n}\n"},
      {"gemv",
       "graph(%a: f64[], %A: f64[m,k], %x: f64[k], %b: f64[], %y: f64[m]) {\n"
       "  %5: f64[m] = gemv(%a, %A, %x, %b, %y)\n  return %5\n}\n"},
      {"gemm",
       "graph(%a: f64[], %A: f64[m,k], %B: f64[k,n], %b: f64[], %C: f64[m,n]) {\n"
       "  %5: f64[m,n] = gemm(%a, %A, %B, %b, %C)\n  return %5\n}\n"},
      {"batched_gemm",
       "graph(%a: f64[], %A: f64[2,3,4], %B: f64[2,4,5], %b: f64[], %C: f64[2,3,5]) {\n"
       "  %5: f64[2,3,5] = batched_gemm(%a, %A, %B, %b, %C)\n  return %5\n}\n"},
      {"row_blocks",
       "graph(%X: f64[100,3], %b: f64[3]) {\n"
       "  %2: f64[] = row_blocks(%X, %b) {body = graph(%X: f64[rows,3], %b: f64[3]) {\n"
       "    %2: f64[rows] = matvec(%X, %b)\n    %3: f64[] = reduce_sum(%2) {axes = [0], dtype = "
       "f64}\n    return %3\n"
       "  }, block = 16, operand_axes = [0,-1], result_axes = [-1]}\n  return %2\n}\n"},
      {"scan",
       "graph(%n: i64[], %x: f64[5], %s: f64[6], %c: f64[]) {\n"
       "  %4: f64[6] = scan(%n, %x, %s, %c) {body = graph(%x: f64[], %s: f64[], %c: f64[]) {\n"
       "    %3: f64[] = multiply(%s, %c)\n    %4: f64[] = add(%3, %x)\n    return %4\n"
       "  }, sequences = 1, states = \"trace 0 -> 1\"}\n  return %4\n}\n"},
      {"csr_matmul",
       "graph(%d: f64[4], %i: i32[4], %p: i32[4], %r: i64[], %c: i64[], %B: f64[n,2]) {\n"
       "  %6: f64[?,2] = csr_matmul(%d, %i, %p, %r, %c, %B)\n  return %6\n}\n"},
      {"csr_sampled_matmul",
       "graph(%i: i32[4], %p: i32[4], %A: f64[3,k], %B: f64[n,k]) {\n"
       "  %4: f64[4] = csr_sampled_matmul(%i, %p, %A, %B)\n  return %4\n}\n"},
      {"csr_sample",
       "graph(%d: f64[4], %i: i32[4], %p: i32[4], %c: i64[], %j: i32[2], %q: i32[4]) {\n"
       "  %6: f64[2] = csr_sample(%d, %i, %p, %c, %j, %q)\n  return %6\n}\n"},
  };
  return programs;
}

// Operands: what they are in a valid program is found by trying.
inline const std::vector<std::string>& types() {
  static const std::vector<std::string> list = {
      "f64[]",      "f64[]",    "f64[3]",    "f64[3]", "f64[3,3]", "f64[3,3]", "f64[3,3]",
      "f64[2,3,3]", "i64[]",    "i64[]",     "i64[]",  "i64[3]",   "i64[4]",   "bool[]",
      "bool[3]",    "i32[3]",   "c128[3,3]", "u64[]",  "f64[n]",   "f64[n,n]", "f64[2]",
      "f64[1]",     "f32[2,3]", "c128[3]",   "u8[2]",  "i64[2,3]", "f64[1,3]",
  };
  return list;
}

inline const std::vector<std::string>& attributes() {
  static const std::vector<std::string> list = {
      "axes = [0]",
      "axes = [0]",
      "axes = [0,1]",
      "axes = [1]",
      "axis = 0",
      "axis = 1",
      "perm = [0]",
      "perm = [1,0]",
      "dtype = f64",
      "dtype = i64",
      "lower = true",
      "trans = 1",
      "trans_a = true",
      "offset = 1",
      "value = f64[2] 1 2",
      "axis1 = 0, axis2 = 1",
      "mode = \"full\"",
      "mode = \"economic\"",
      "structure = \"sym\"",
      "output = \"real\"",
      "full_matrices = true",
      "compute_uv = true",
      "pivoting = false",
      "inverse = true",
      "rows = 3, columns = 3",
      "rows = 3",
      "columns = 3",
      "right = true",
      "distribution = \"normal\", sizes = 1",
      "distribution = \"uniform\", sizes = -1",
      "boundary = \"fill\"",
      "permute_l = true",
      "p_indices = true",
  };
  return list;
}

// `types()` as a graph whose inputs have them, `attributes()` parsed.
struct Parts {
  Graph inputs;
  std::vector<Attributes> attributes;

  Parts() {
    std::string text = "graph(";
    for (std::size_t i = 0; i < types().size(); ++i)
      text += (i == 0 ? "%x" : ", %x") + std::to_string(i) + ": " + types()[i];
    inputs = parse_graph(text + ") { return }");
    for (const std::string& list : fuzz::attributes()) {
      attributes.push_back(
          parse_graph("graph(%x: f64[]) { %1: f64[] = exp(%x) {" + list + "} return %1 }")
              .nodes[0]
              .attributes);
    }
  }
};

// A graph of one node of this op, or "" where none was found.
inline std::string valid_program(Op op, Random& random, int tries = 12000) {
  static const Parts parts;
  const OpInfo& row = info(op);
  const auto written = written_programs().find(std::string(row.name));
  if (written != written_programs().end()) return written->second;
  for (int i = 0; i < tries; ++i) {
    const int arity = row.arity >= 0 ? row.arity : 1 + static_cast<int>(below(random, 5));
    Graph graph;
    graph.symbols = parts.inputs.symbols;
    const bool alike = below(random, 3) == 0;  // often all operands are of one type
    const ValueId first = pick(random, parts.inputs.inputs);
    std::vector<ValueId> operands;
    for (int j = 0; j < arity; ++j) {
      const ValueId like = alike || j == 0 ? first : pick(random, parts.inputs.inputs);
      operands.push_back(graph.add_input(parts.inputs.type(like), "x" + std::to_string(j)));
    }
    Attributes settings;
    const std::size_t number = below(random, 3);
    for (std::size_t j = 0; j < number; ++j) {
      for (const auto& [name, value] : pick(random, parts.attributes).items)
        settings.set(name, value);
    }
    try {
      graph.outputs = graph.add_all(op, operands, settings);
    } catch (const std::exception&) {
      continue;
    }
    return to_text(pruned(graph));
  }
  return "";
}

// Programs of all ops, by name. Ops that no program was found for are missing.
inline const std::map<std::string, std::string>& corpus() {
  static const std::map<std::string, std::string> programs = [] {
    Random random(seed());
    std::map<std::string, std::string> found;
    for (int op = 0; op < kOpCount; ++op) {
      std::string text = valid_program(static_cast<Op>(op), random);
      if (!text.empty()) found.emplace(info(static_cast<Op>(op)).name, std::move(text));
    }
    return found;
  }();
  return programs;
}

// -- text that is nearly valid
// ------------------------------------------------------------------------------

inline bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '%';
}

inline std::vector<std::string> tokens(std::string_view text) {
  std::vector<std::string> result;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i + 1;
    while (is_word(text[i]) && end < text.size() && is_word(text[end])) ++end;
    result.emplace_back(text.substr(i, end - i));
    i = end;
  }
  return result;
}

inline const std::vector<std::string>& replacements() {
  static const std::vector<std::string> list = {
      "0",
      "1",
      "-1",
      "2",
      "3",
      "4",
      "64",
      "4294967296",
      "9223372036854775807",
      "-9223372036854775808",
      "1e308",
      "nan",
      "true",
      "false",
      "f64",
      "f32",
      "i64",
      "bool",
      "c64",
      "u8",
      "f16",
      "[]",
      "[0]",
      "[-1,5]",
      "[9223372036854775807]",
      "?",
      "n",
      "\"x\"",
      "\"",
      "{",
      "}",
      "(",
      ")",
      "f64[0]",
      "f64[2] 1 2",
      "i64[] 9223372036854775807",
      "graph() { return }",
      "%0",
      "%1",
      "%x0",
      "%x1",
      "%2",
      "axes",
      "axis",
      "body",
      "",
      ",",
      "origin",
      "f64[9223372036854775807]",
  };
  return list;
}

inline std::string mutated(const std::string& text, const std::vector<std::string>& others,
                           Random& random) {
  std::vector<std::string> parts = tokens(text);
  const std::size_t changes = 1 + below(random, 3);
  for (std::size_t i = 0; i < changes && !parts.empty(); ++i) {
    const std::size_t at = below(random, parts.size());
    switch (below(random, 9)) {
      case 0:
        parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      case 1: {
        const std::string token = parts[at];
        parts.insert(parts.begin() + static_cast<std::ptrdiff_t>(at), token);
        break;
      }
      case 2:
        std::swap(parts[at], parts[below(random, parts.size())]);
        break;
      case 3:
        parts[at] = std::string(info(static_cast<Op>(below(random, kOpCount))).name);
        break;
      case 4: {  // the end of another program
        const std::vector<std::string> rest = tokens(pick(random, others));
        const std::size_t from = below(random, rest.size());
        parts.resize(at);
        parts.insert(parts.end(), rest.begin() + static_cast<std::ptrdiff_t>(from), rest.end());
        break;
      }
      case 5:
        if (!parts[at].empty())
          parts[at][below(random, parts[at].size())] = static_cast<char>(random());
        break;
      default: {  // what is a number or a word becomes another one
        std::size_t word = at;
        for (std::size_t step = 0;
             step < parts.size() && (parts[word].empty() || !is_word(parts[word][0])); ++step) {
          word = (word + 1) % parts.size();
        }
        parts[word] = pick(random, replacements());
      }
    }
  }
  std::string result;
  for (const std::string& part : parts) result += part;
  return result;
}

inline std::string noise(Random& random) {
  std::string text(below(random, 200), '\0');
  for (char& c : text) c = static_cast<char>(random());
  if (below(random, 2) == 0) text = "graph(" + text;
  return text;
}

}  // namespace gemmule::fuzz
