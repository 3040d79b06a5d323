#include "plan/linear_program.h"

#include <algorithm>
#include <sstream>

#include "ir/error.h"
#include "ir/fused.h"
#include "ir/scan.h"
#include "ir/text.h"
#include "plan/formula.h"

namespace gemmule {

bool Layout::is_row_major() const {
  std::int64_t expected = 1;
  for (std::size_t axis = shape.size(); axis-- > 0;) {
    if (shape[axis] != 1 && strides[axis] != expected) return false;
    expected *= shape[axis];
  }
  return true;
}

namespace {

int buffer_of_state(const Node& node, int result) {
  const ScanLoop loop = scan_loop(node.attributes);
  if (result >= static_cast<int>(loop.states.size())) return kNone;
  return loop.states[result].kind == ScanState::Kind::output ? kNone : loop.first_state() + result;
}

}  // namespace

int overwritable_operand(const Node& node, int result) {
  if (node.op == Op::scan) return buffer_of_state(node, result);
  if (result != 0) return kNone;
  switch (node.op) {
    case Op::gemm:
    case Op::batched_gemm:
    case Op::gemv:
      return 4;
    case Op::ger:
      return 3;
    case Op::solve_triangular:
    case Op::solve:
      return 1;
    case Op::cholesky:
    case Op::inv:
    case Op::slice_set:
    case Op::slice_add:
    case Op::scatter_set:
    case Op::scatter_add:
    case Op::cumsum:
    case Op::cumprod:
      return 0;
    default:
      return kNone;
  }
}

namespace {

std::size_t bytes_of(const Layout& layout) {
  return static_cast<std::size_t>(layout.count()) * size_of(layout.dtype);
}

bool same_layout(const Layout& a, const Layout& b) {
  return a.buffer == b.buffer && a.offset == b.offset && size_of(a.dtype) == size_of(b.dtype) && a.shape == b.shape &&
         a.strides == b.strides;
}

constexpr std::int64_t kShortRow = 16;          // elements
constexpr std::int64_t kWorthTurning = 1 << 13;  // elements

class Planner {
 public:
  Planner(Graph graph, const PlanOptions& options) : options_(options) {
    program_.graph = pruned(graph);  // readers that no output needs would count
    layouts_.resize(graph_().values.size());
  }

  LinearProgram run() {
    order_ = schedule(graph_());
    count_readers();
    add_inputs();
    for (const NodeId id : order_) add(id);
    add_outputs();
    compute_parts_in_place();
    set_lifetimes();
    find_take_overs();
    program_.workspace_bytes = assign_offsets(program_.buffers);
    return std::move(program_);
  }

 private:
  const Graph& graph_() const { return program_.graph; }
  int position() const { return static_cast<int>(program_.instructions.size()); }

  int new_buffer(Memory memory, int index, std::size_t bytes) {
    program_.buffers.push_back({memory, index, bytes});
    readers_.push_back(0);
    return static_cast<int>(program_.buffers.size()) - 1;
  }

  Layout dense(const Type& type, int buffer) const {
    Layout layout{buffer, 0, type.dtype, static_shape(type), {}};
    layout.strides = row_major_strides(layout.shape);
    return layout;
  }

  // How many operands and outputs each value has: buffers take over the numbers.
  void count_readers() {
    uses_ = use_counts(graph_());
    read_by_others_.assign(graph_().values.size(), false);
    for (const ValueId output : graph_().outputs) read_by_others_[output] = true;
    for (const Node& node : graph_().nodes) {
      if (is_pass(node.op)) continue;
      for (const ValueId operand : node.inputs) read_by_others_[operand] = true;
    }
  }

  void place(ValueId value, Layout layout) {
    readers_[layout.buffer] += uses_[value];
    layouts_[value] = std::move(layout);
  }

  void add_inputs() {
    for (std::size_t i = 0; i < graph_().inputs.size(); ++i) {
      const ValueId value = graph_().inputs[i];
      Layout layout = dense(graph_().type(value), kNone);
      layout.buffer = new_buffer(Memory::input, static_cast<int>(i), bytes_of(layout));
      if (i < options_.input_strides.size() && !options_.input_strides[i].empty()) {
        layout.strides = options_.input_strides[i];
      }
      program_.inputs.push_back(layout);
      place(value, std::move(layout));
    }
  }

  void add(NodeId id) {
    const Node& node = graph_().nodes[id];
    if (node.op == Op::constant) {
      const ValueId value = node.outputs[0];
      Layout layout = dense(graph_().type(value), kNone);
      layout.buffer = new_buffer(Memory::constant, value, bytes_of(layout));
      place(value, std::move(layout));
      return;
    }
    if (is_view(node.op)) {
      if (auto layout = view_layout(graph_(), node, layouts_[node.inputs[0]])) {
        for (const ValueId operand : node.inputs) --readers_[layouts_[operand].buffer];
        place(node.outputs[0], std::move(*layout));
        return;
      }
    }
    Instruction instruction{id, {}, {}};
    // What only gives sizes and bounds is not read at run time.
    const std::size_t read = is_view(node.op) ? 1 : node.inputs.size();
    for (std::size_t i = 0; i < read; ++i) instruction.operands.push_back(layouts_[node.inputs[i]]);
    for (const ValueId operand : node.inputs) --readers_[layouts_[operand].buffer];
    if (is_pass(node.op)) turn_transposed(node, instruction);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const ValueId output = node.outputs[i];
      Layout layout = dense(graph_().type(output), kNone);
      if (has_short_rows(node, instruction, output)) put_longest_axis_last(layout);
      if (!is_reduced(node, i)) layout.buffer = memory_to_take(node, static_cast<int>(i), instruction, layout);
      if (layout.buffer == kNone) layout.buffer = new_buffer(Memory::workspace, kNone, bytes_of(layout));
      instruction.results.push_back(layout);
      place(output, std::move(layout));
    }
    program_.instructions.push_back(std::move(instruction));
  }

  // Rows of a few elements are short work for a pass that broadcasts or reduces along them: a value that
  // only passes read is then kept with its longest axis innermost in memory.
  bool has_short_rows(const Node& node, const Instruction& instruction, ValueId value) const {
    const Extents shape = static_shape(graph_().type(value));
    if (shape.size() < 2 || shape.back() > kShortRow || shape.back() == 1) return false;
    if (*std::ranges::max_element(shape) < 8 * shape.back()) return false;
    if (!is_pass(node.op) || read_by_others_[value]) return false;
    bool broadcasts = false;
    for (const Layout& operand : instruction.operands) {
      const bool full = operand.shape == shape;
      if (full && operand.is_row_major()) return false;
      broadcasts = broadcasts || full || operand.count() > 1;
    }
    return broadcasts;
  }

  // A pass over rows reads a transposed matrix element by element, each from another line of the cache: large ones
  // are turned first, tile by tile.
  void turn_transposed(const Node& node, Instruction& instruction) {
    const Extents shape = static_shape(Type{DType::f64, pass_shape(graph_(), node)});
    if (shape.size() < 2 || element_count(shape) < kWorthTurning) return;
    bool by_rows = std::ranges::any_of(node.outputs, [&](ValueId output) {
      return static_shape(graph_().type(output)) == shape;
    });
    for (const Layout& operand : instruction.operands) by_rows = by_rows || (operand.shape == shape && operand.is_row_major());
    if (!by_rows) return;
    for (std::size_t i = 0; i < instruction.operands.size(); ++i) {
      Layout& operand = instruction.operands[i];
      const bool far = operand.shape == shape && std::abs(operand.strides.back()) > kShortRow &&
                       std::ranges::count(operand.strides, 1) > 0;
      if (!far) continue;
      Layout turned = dense(static_type(operand.dtype, shape), new_buffer(Memory::workspace, kNone, bytes_of(operand)));
      program_.instructions.push_back({kNone, {operand}, {turned}});
      const Layout from = operand;
      for (std::size_t j = i; j < instruction.operands.size(); ++j) {
        if (same_layout(instruction.operands[j], from)) instruction.operands[j] = turned;
      }
    }
  }

  static bool is_pass(Op op) { return is_elementwise(op) || op == Op::fused; }

  static void put_longest_axis_last(Layout& layout) {
    const auto longest =
        static_cast<std::size_t>(std::ranges::max_element(layout.shape) - layout.shape.begin());
    std::int64_t stride = layout.shape[longest];
    for (std::size_t axis = layout.shape.size(); axis-- > 0;) {
      if (axis == longest) continue;
      layout.strides[axis] = stride;
      stride *= layout.shape[axis];
    }
    layout.strides[longest] = 1;
  }

  // A pass that reduces writes a sum before it has read all of its operands.
  static bool is_reduced(const Node& node, std::size_t result) {
    return node.op == Op::fused && fused_results(node.attributes)[result].reduction.has_value();
  }

  // The buffer of an operand that dies here and whose elements lie as the result's, or kNone.
  int memory_to_take(const Node& node, int index, const Instruction& instruction, const Layout& result) const {
    if (result.count() == 0) return kNone;
    const bool elementwise = is_elementwise(node.op) || node.op == Op::fused;
    const int only = elementwise ? kNone : overwritable_operand(node, index);
    for (std::size_t i = 0; i < instruction.operands.size(); ++i) {
      if (!elementwise && static_cast<int>(i) != only) continue;
      const Layout& operand = instruction.operands[i];
      const Buffer& buffer = program_.buffers[operand.buffer];
      if (buffer.memory != Memory::workspace || readers_[operand.buffer] > 0) continue;
      Layout taken = result;
      taken.buffer = operand.buffer;
      if (!same_layout(taken, operand) || buffer.bytes != bytes_of(taken)) continue;
      const auto disturbs = [&](std::size_t other) {
        const Layout& layout = instruction.operands[other];
        return other != i && layout.buffer == operand.buffer && !(elementwise && same_layout(layout, operand));
      };
      bool free = true;
      for (std::size_t other = 0; other < instruction.operands.size(); ++other) free = free && !disturbs(other);
      for (const Layout& earlier : instruction.results) free = free && earlier.buffer != operand.buffer;
      if (free) return operand.buffer;
    }
    return kNone;
  }

  // An output that fills a buffer of its own is computed where the caller wants it; others are copied.
  void add_outputs() {
    for (std::size_t k = 0; k < graph_().outputs.size(); ++k) {
      const Layout& value = layouts_[graph_().outputs[k]];
      Buffer& buffer = program_.buffers[value.buffer];
      const bool whole = buffer.memory == Memory::workspace && value.offset == 0 && buffer.bytes == bytes_of(value) &&
                         value.is_row_major();
      if (whole) {
        buffer.memory = Memory::output;
        buffer.index = static_cast<int>(k);
        program_.outputs.push_back(value);
        continue;
      }
      Layout copy = dense(graph_().type(graph_().outputs[k]), kNone);
      copy.buffer = new_buffer(Memory::output, static_cast<int>(k), bytes_of(copy));
      program_.instructions.push_back({kNone, {value}, {copy}});
      program_.outputs.push_back(std::move(copy));
    }
  }

  // The first and the last instruction that touches each buffer.
  void set_lifetimes_of_buffers() {
    for (Buffer& buffer : program_.buffers) buffer.first = buffer.last = kNone;
    for (int at = 0; at < position(); ++at) {
      const auto touch = [&](const Layout& layout) {
        Buffer& buffer = program_.buffers[layout.buffer];
        if (buffer.first == kNone) buffer.first = at;
        buffer.last = at;
      };
      for (const Layout& operand : program_.instructions[at].operands) touch(operand);
      for (const Layout& result : program_.instructions[at].results) touch(result);
    }
  }

  // Where arrays are joined end to end, those that have buffers of their own are computed in their places: a
  // gradient is put together from its parts without moving them.
  void compute_parts_in_place() {
    set_lifetimes_of_buffers();
    for (int at = position() - 1; at >= 0; --at) {
      const Instruction& instruction = program_.instructions[at];
      if (instruction.node == kNone || graph_().nodes[instruction.node].op != Op::concatenate) continue;
      if (const auto parts = parts_of(at)) join(at, *parts);
    }
    std::erase_if(program_.instructions, [](const Instruction& i) { return i.results.empty() && i.operands.empty(); });
  }

  // The places of the operands of a concatenate in its result; nothing where they do not lie one after the other.
  std::optional<std::vector<Layout>> parts_of(int at) const {
    const Instruction& instruction = program_.instructions[at];
    const Layout& whole = instruction.results[0];
    if (!whole.is_row_major() || program_.buffers[whole.buffer].first != at) return std::nullopt;
    std::vector<Layout> parts;
    const Node& node = graph_().nodes[instruction.node];
    const auto rank = static_cast<std::int64_t>(whole.shape.size());
    const std::int64_t axis = (node.attributes.integer("axis") + rank) % rank;
    if (std::any_of(whole.shape.begin(), whole.shape.begin() + axis, [](std::int64_t size) { return size != 1; })) {
      return std::nullopt;
    }
    std::int64_t offset = whole.offset;
    for (const Layout& operand : instruction.operands) {
      Layout part{whole.buffer, offset, operand.dtype, operand.shape, row_major_strides(operand.shape)};
      offset += static_cast<std::int64_t>(bytes_of(part));
      parts.push_back(std::move(part));
    }
    return parts;
  }

  // Whether what lies in the buffer of an operand may as well lie in the result: nothing touches it later.
  bool may_move(int at, const Layout& operand) const {
    const Buffer& buffer = program_.buffers[operand.buffer];
    if (buffer.memory != Memory::workspace || buffer.last != at || operand.offset != 0) return false;
    if (operand.count() == 0 || buffer.bytes != bytes_of(operand) || !operand.is_row_major()) return false;
    const auto& operands = program_.instructions[at].operands;
    return std::ranges::count(operands, operand.buffer, &Layout::buffer) == 1;
  }

  void join(int at, const std::vector<Layout>& parts) {
    const std::vector<Layout> operands = program_.instructions[at].operands;
    std::vector<std::size_t> moved, rest;
    for (std::size_t i = 0; i < operands.size(); ++i) {
      if (operands[i].count() == 0) continue;
      (may_move(at, operands[i]) ? moved : rest).push_back(i);
    }
    // One instruction for all is less than one for each.
    if (moved.empty() || moved.size() < rest.size()) return;
    for (const std::size_t i : moved) {
      const int from = operands[i].buffer;
      const auto move = [&](Layout& layout) {
        if (layout.buffer != from) return;
        layout.buffer = parts[i].buffer;
        layout.offset += parts[i].offset;
      };
      for (Instruction& other : program_.instructions) {
        std::ranges::for_each(other.operands, move);
        std::ranges::for_each(other.results, move);
      }
      program_.buffers[from].bytes = 0;
    }
    std::vector<Instruction> copies;
    for (const std::size_t i : rest) copies.push_back({kNone, {operands[i]}, {parts[i]}});
    program_.instructions[at] = {kNone, {}, {}};
    program_.instructions.insert(program_.instructions.begin() + at, copies.begin(), copies.end());
    set_lifetimes_of_buffers();
  }

  void set_lifetimes() {
    set_lifetimes_of_buffers();
    std::vector<std::size_t> live(program_.instructions.size() + 1, 0);
    for (const Buffer& buffer : program_.buffers) {
      if (buffer.memory != Memory::workspace || buffer.first == kNone) continue;
      for (int at = buffer.first; at <= buffer.last; ++at) live[at] += buffer.bytes;
    }
    program_.live_bytes = *std::max_element(live.begin(), live.end());
  }

  // Per input that may be overwritten, an output of its layout that is not written while the input is
  // still read: at most in place at the input's last use.
  void find_take_overs() {
    std::vector<bool> taken(program_.outputs.size(), false);
    for (const int input : options_.donatable) {
      const Layout& from = program_.inputs[input];
      for (int k = 0; k < static_cast<int>(program_.outputs.size()); ++k) {
        if (taken[k] || !may_take(input, from, k)) continue;
        taken[k] = true;
        program_.take_overs.push_back({k, input});
        break;
      }
    }
  }

  bool may_take(int input, const Layout& from, int k) const {
    const Layout& to = program_.outputs[k];
    if (from.dtype != to.dtype || from.shape != to.shape || !from.is_row_major() || from.count() == 0) return false;
    const int last_read = program_.buffers[from.buffer].last, first_write = program_.buffers[to.buffer].first;
    if (last_read > first_write) return false;
    if (last_read < first_write) return last_read != kNone || !is_output(input);
    const Instruction& instruction = program_.instructions[first_write];
    if (instruction.node == kNone) return same_layout_but_buffer(instruction.operands[0], from);
    const Node& node = graph_().nodes[instruction.node];
    const bool elementwise = is_elementwise(node.op) || node.op == Op::fused;
    for (std::size_t i = 0; i < instruction.results.size(); ++i) {
      const Layout& result = instruction.results[i];
      if (result.buffer == to.buffer && (result.shape != to.shape || is_reduced(node, i))) return false;
    }
    for (std::size_t i = 0; i < instruction.operands.size(); ++i) {
      const Layout& operand = instruction.operands[i];
      if (operand.buffer != from.buffer) continue;
      if (!same_layout_but_buffer(operand, from)) return false;
      if (elementwise) continue;
      const auto result = std::ranges::find_if(instruction.results, [&](const Layout& r) { return r.buffer == to.buffer; });
      if (static_cast<int>(i) != overwritable_operand(node, static_cast<int>(result - instruction.results.begin()))) return false;
    }
    return true;
  }

  static bool same_layout_but_buffer(const Layout& a, Layout b) {
    b.buffer = a.buffer;
    return same_layout(a, b);
  }

  bool is_output(int input) const {
    return std::ranges::count(graph_().outputs, graph_().inputs[input]) > 0;
  }

  const PlanOptions& options_;
  LinearProgram program_;
  std::vector<NodeId> order_;
  std::vector<Layout> layouts_;   // by value
  std::vector<bool> read_by_others_;  // by value: something else than a pass over elements reads it
  std::vector<int> uses_;         // by value: readers of any kind
  std::vector<int> readers_;      // by buffer: those that are still to come
};

}  // namespace

LinearProgram plan(Graph graph, const PlanOptions& options) { return Planner(std::move(graph), options).run(); }

// -- text -----------------------------------------------------------------------------------------

namespace {

std::string name_of(const Graph& graph, ValueId value) {
  const std::string& name = graph.values[value].name;
  return "%" + (name.empty() ? std::to_string(value) : name);
}

std::string indented(const std::string& text) {
  std::istringstream lines(text);
  std::string result;
  for (std::string line; std::getline(lines, line);) result += "    " + line + "\n";
  return result;
}

std::string place_of(const LinearProgram& program, const Layout& layout) {
  const Buffer& buffer = program.buffers[layout.buffer];
  std::string text;
  switch (buffer.memory) {
    case Memory::input:
      text = "input " + std::to_string(buffer.index);
      break;
    case Memory::output:
      text = "output " + std::to_string(buffer.index);
      break;
    case Memory::constant:
      text = "constant " + name_of(program.graph, buffer.index);
      break;
    case Memory::workspace:
      return "workspace+" + std::to_string(buffer.offset + static_cast<std::size_t>(layout.offset));
  }
  return layout.offset == 0 ? text : text + "+" + std::to_string(layout.offset);
}

}  // namespace

std::string to_text(const LinearProgram& program) {
  std::ostringstream text;
  for (const Instruction& instruction : program.instructions) {
    const Node* node = instruction.node == kNone ? nullptr : &program.graph.nodes[instruction.node];
    for (std::size_t i = 0; i < instruction.results.size(); ++i) {
      const Layout& layout = instruction.results[i];
      text << (i == 0 ? "" : ", ") << to_text(static_type(layout.dtype, layout.shape)) << " at "
           << place_of(program, layout);
    }
    text << " = " << (node == nullptr ? "copy" : info(node->op).name) << "(";
    for (std::size_t i = 0; i < instruction.operands.size(); ++i) {
      text << (i == 0 ? "" : ", ") << place_of(program, instruction.operands[i]);
    }
    text << ")";
    for (const Layout& operand : instruction.operands) {
      const bool in_place = std::ranges::any_of(
          instruction.results, [&](const Layout& result) {
            return result.buffer == operand.buffer && result.offset == operand.offset;
          });
      if (!in_place) continue;
      text << "  in place";
      break;
    }
    if (node != nullptr && !node->equation.empty()) text << "  # " << formula(program.graph, *node);
    text << "\n";
    if (node != nullptr && node->op == Op::scan) text << indented(to_text(node->attributes.graph("body"), {.elide_large_constants = true}));
  }
  text << "workspace: " << program.workspace_bytes << " bytes, of which " << program.live_bytes
       << " are alive at once at most\n";
  for (const TakeOver& take_over : program.take_overs) {
    text << "output " << take_over.output << " may lie in the memory of input " << take_over.input << "\n";
  }
  return text.str();
}

}  // namespace gemmule
