#include "ir/scan.h"

#include <algorithm>
#include <sstream>

#include "ir/error.h"

namespace gemmule {
namespace {

constexpr const char* kKinds[] = {"trace", "update", "output"};

[[noreturn]] void fail(const std::string& what) { throw UserError("[scan] states: " + what); }

ScanState parse_state(const std::string& clause) {
  std::istringstream words(clause);
  std::string word;
  words >> word;
  ScanState state;
  const auto kind = std::find(std::begin(kKinds), std::end(kKinds), word);
  if (kind == std::end(kKinds)) fail("'" + word + "' is neither 'trace' nor 'update' nor 'output'");
  state.kind = static_cast<ScanState::Kind>(kind - std::begin(kKinds));
  bool written = false;
  while (words >> word) {
    if (word == "->" && !written) {
      written = true;
      continue;
    }
    if (word.size() > 9 || !std::all_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      fail("'" + clause + "': positions are integers that are not negative, read ones before '->' and written ones behind");
    }
    (written ? state.writes : state.reads).push_back(std::stoll(word));
  }
  if (state.writes.empty()) fail("'" + clause + "' writes nothing");
  if (state.kind == ScanState::Kind::update) return state;
  if (state.writes.size() != 1) fail("'" + clause + "': it writes one position");
  for (const std::int64_t read : state.reads) {
    if (read >= state.writes[0]) fail("'" + clause + "': it reads what is not there yet");
  }
  if (state.kind == ScanState::Kind::output && (!state.reads.empty() || state.writes[0] != 0)) {
    fail("'" + clause + "': an output is 'output -> 0'");
  }
  return state;
}

}  // namespace

int ScanLoop::reads() const {
  std::size_t count = 0;
  for (const ScanState& state : states) count += state.reads.size();
  return static_cast<int>(count);
}

int ScanLoop::writes() const {
  std::size_t count = 0;
  for (const ScanState& state : states) count += state.writes.size();
  return static_cast<int>(count);
}

ScanLoop scan_loop(const Attributes& attributes) {
  ScanLoop loop;
  const Attribute* states = attributes.find("states");
  const auto* text = states == nullptr ? nullptr : std::get_if<std::string>(states);
  if (text == nullptr) fail("it must be text");
  std::istringstream clauses(*text);
  for (std::string clause; std::getline(clauses, clause, ';');) loop.states.push_back(parse_state(clause));
  const Attribute* sequences = attributes.find("sequences");
  const auto* count = sequences == nullptr ? nullptr : std::get_if<std::int64_t>(sequences);
  if (count == nullptr || *count < 0 || *count > (1 << 20)) throw UserError("[scan] sequences: it must be a number of operands");
  loop.sequences = static_cast<int>(*count);
  if (const Attribute* until = attributes.find("until")) {
    if (!std::holds_alternative<bool>(*until)) throw UserError("[scan] until: it must be true or false");
    loop.until = std::get<bool>(*until);
  }
  return loop;
}

std::string states_attribute(const std::vector<ScanState>& states) {
  std::string text;
  for (const ScanState& state : states) {
    if (!text.empty()) text += "; ";
    text += kKinds[static_cast<int>(state.kind)];
    for (const std::int64_t read : state.reads) text += " " + std::to_string(read);
    text += " ->";
    for (const std::int64_t write : state.writes) text += " " + std::to_string(write);
  }
  return text;
}

std::vector<int> scan_operands(const ScanLoop& loop, const Graph& body) {
  std::vector<int> operands;
  for (int i = 0; i < loop.sequences; ++i) operands.push_back(1 + i);
  for (std::size_t i = 0; i < loop.states.size(); ++i) {
    operands.insert(operands.end(), loop.states[i].reads.size(), loop.first_state() + static_cast<int>(i));
  }
  for (int operand = loop.first_constant(); operands.size() < body.inputs.size(); ++operand) operands.push_back(operand);
  return operands;
}

}  // namespace gemmule
