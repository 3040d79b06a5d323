#include <charconv>
#include <map>

#include "ir/error.h"
#include "ir/text.h"

namespace gemmule {
namespace {

constexpr int kDeepest = 64;  // nesting of bodies: the parser recurses

class Parser {
 public:
  Parser(std::string_view text, std::span<const Tensor> taken_out) : text_(text), taken_out_(taken_out) {}

  Graph parse() {
    Graph graph = parse_one();
    skip_space();
    if (at_ < text_.size()) fail("unexpected text after the graph");
    return graph;
  }

 private:
  // -- characters ----------------------------------------------------------------------------------
  [[noreturn]] void fail(const std::string& what) const {
    std::size_t line = 1, column = 1;
    for (std::size_t i = 0; i < at_ && i < text_.size(); ++i) {
      column = text_[i] == '\n' ? 1 : column + 1;
      line += text_[i] == '\n' ? 1 : 0;
    }
    throw UserError("line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + what);
  }

  void skip_space() {
    while (at_ < text_.size() && (std::isspace(static_cast<unsigned char>(text_[at_])) != 0)) ++at_;
  }

  bool accept(std::string_view token) {
    skip_space();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }

  void expect(std::string_view token) {
    if (!accept(token)) fail("expected '" + std::string(token) + "'");
  }

  static bool is_word_char(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

  std::string_view peek_word() {
    skip_space();
    std::size_t end = at_;
    while (end < text_.size() && is_word_char(text_[end])) ++end;
    return text_.substr(at_, end - at_);
  }

  std::string word(const char* what) {
    const std::string_view found = peek_word();
    if (found.empty()) fail(std::string("expected ") + what);
    at_ += found.size();
    return std::string(found);
  }

  // The characters of a number, "inf" and "nan" included.
  std::string_view peek_number() {
    skip_space();
    std::size_t end = at_;
    while (end < text_.size() &&
           (is_word_char(text_[end]) || text_[end] == '.' || text_[end] == '-' || text_[end] == '+')) {
      ++end;
    }
    return text_.substr(at_, end - at_);
  }

  template <class T>
  T number() {
    const std::string_view found = peek_number();
    T value{};
    const auto [end, error] = std::from_chars(found.data(), found.data() + found.size(), value);
    if (error != std::errc{} || end != found.data() + found.size()) fail("expected a number");
    at_ += found.size();
    return value;
  }

  // -- values and types ------------------------------------------------------------------------------
  struct Scope {
    Graph graph;
    std::map<std::string, ValueId> names;
    std::map<std::string, SymbolId> symbols;
  };

  std::string new_name() {
    expect("%");
    return word("a value's name");
  }

  ValueId value(Scope& scope) {
    const std::size_t start = at_;
    const std::string name = new_name();
    const auto found = scope.names.find(name);
    if (found == scope.names.end()) {
      at_ = start;
      skip_space();
      fail("%" + name + " is not defined here");
    }
    return found->second;
  }

  void define(Scope& scope, const std::string& name, ValueId value) {
    if (!scope.names.emplace(name, value).second) fail("%" + name + " is defined twice");
  }

  DType dtype() {
    const std::string text = word("a dtype");
    const auto found = parse_dtype(text);
    if (!found) fail("unknown dtype '" + text + "'");
    return *found;
  }

  std::int64_t size() {
    const auto size = number<std::int64_t>();
    if (size < 0) fail("a size cannot be negative");
    return size;
  }

  Type type(Scope& scope) {
    Type type{dtype(), {}};
    expect("[");
    while (!accept("]")) {
      if (!type.shape.empty()) expect(",");
      skip_space();
      const char c = at_ < text_.size() ? text_[at_] : '\0';
      if (std::isdigit(static_cast<unsigned char>(c)) != 0) {
        type.shape.push_back(Dim::known(size()));
      } else if (accept("?")) {
        type.shape.push_back(Dim::unknown(scope.graph.add_symbol()));
      } else {
        const std::string name = word("a size");
        auto found = scope.symbols.find(name);
        if (found == scope.symbols.end()) {
          found = scope.symbols.emplace(name, scope.graph.add_symbol(name)).first;
        }
        type.shape.push_back(Dim::unknown(found->second));
      }
    }
    return type;
  }

  // -- attributes --------------------------------------------------------------------------------------
  template <class T>
  T tensor_element() {
    if constexpr (std::is_same_v<T, bool>) {
      if (accept("true")) return true;
      expect("false");
      return false;
    } else if constexpr (std::is_same_v<T, Half>) {
      return Half(number<float>());
    } else if constexpr (std::is_arithmetic_v<T>) {
      return number<T>();
    } else {
      expect("(");
      const auto real = number<typename T::value_type>();
      const auto imag = number<typename T::value_type>();
      expect(")");
      return T(real, imag);
    }
  }

  Tensor tensor(DType dtype) {
    std::vector<std::int64_t> shape;
    expect("[");
    while (!accept("]")) {
      if (!shape.empty()) expect(",");
      shape.push_back(size());
    }
    if (accept("@")) return taken_out(dtype, shape);
    std::int64_t count = 1;
    for (const std::int64_t size : shape) {
      // Every element takes two characters at least: larger counts cannot be in the text.
      if (size != 0 && count > static_cast<std::int64_t>(text_.size()) / size) fail("more elements than the text holds");
      count *= size;
    }
    Tensor result = Tensor::zeros(dtype, shape);
    auto* bytes = const_cast<std::byte*>(result.data.get());
    visit_dtype(dtype, [&]<class T>(T) {
      for (std::int64_t i = 0; i < count; ++i) {
        const T element = tensor_element<T>();
        std::memcpy(bytes + static_cast<std::size_t>(i) * sizeof(T), &element, sizeof(T));
      }
    });
    return result;
  }

  Tensor taken_out(DType dtype, const std::vector<std::int64_t>& shape) {
    const std::int64_t index = size();
    if (index >= static_cast<std::int64_t>(taken_out_.size())) {
      fail("there is no constant @" + std::to_string(index));
    }
    const Tensor& found = taken_out_[static_cast<std::size_t>(index)];
    if (found.dtype != dtype || found.shape != shape) {
      fail("constant @" + std::to_string(index) + " is " + to_text(static_type(found.dtype, found.shape)));
    }
    return found;
  }

  std::string string() {
    expect("\"");
    std::string result;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        ++at_;
        result += text_[at_] == 'n' ? '\n' : text_[at_];
      } else {
        result += text_[at_];
      }
      ++at_;
    }
    if (at_ == text_.size()) fail("a string does not end");
    ++at_;
    return result;
  }

  Attribute attribute() {
    skip_space();
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (c == '"') return string();
    if (c == '[') {
      expect("[");
      Integers values;
      while (!accept("]")) {
        if (!values.empty()) expect(",");
        values.push_back(number<std::int64_t>());
      }
      return values;
    }
    if (c == '-' || std::isdigit(static_cast<unsigned char>(c)) != 0) return number<std::int64_t>();
    const std::string_view next = peek_word();
    if (next == "graph") {
      if (++depth_ > kDeepest) fail("bodies are nested too deeply");
      auto body = std::make_shared<const Graph>(parse_one());
      --depth_;
      return body;
    }
    if (next == "true" || next == "false") {
      at_ += next.size();
      return next == "true";
    }
    const DType element = dtype();
    skip_space();
    if (at_ < text_.size() && text_[at_] == '[') return tensor(element);
    return element;
  }

  // -- nodes and graphs ----------------------------------------------------------------------------------
  void statement(Scope& scope) {
    skip_space();
    const std::size_t start = at_;  // where errors about the whole statement point
    std::vector<std::string> names;
    std::vector<Type> types;
    do {
      names.push_back(new_name());
      expect(":");
      types.push_back(type(scope));
    } while (accept(","));
    expect("=");
    const std::size_t op_at = at_;
    const std::string op_name = word("an op");
    const auto op = parse_op(op_name);
    if (!op) {
      at_ = op_at;
      skip_space();
      fail("unknown op '" + op_name + "'");
    }
    expect("(");
    std::vector<ValueId> operands;
    while (!accept(")")) {
      if (!operands.empty()) expect(",");
      operands.push_back(value(scope));
    }
    Attributes attributes;
    std::string origin;
    if (accept("{")) {
      bool first = true;
      while (!accept("}")) {
        if (!first) expect(",");
        first = false;
        const std::string key = word("an attribute");
        expect("=");
        Attribute parsed = attribute();
        if (key == "origin" && std::holds_alternative<std::string>(parsed)) {
          origin = std::get<std::string>(parsed);
        } else {
          attributes.set(key, std::move(parsed));
        }
      }
    }
    std::vector<ValueId> results;
    try {
      results = scope.graph.add_all(*op, std::move(operands), std::move(attributes), std::move(origin));
    } catch (const InternalError& error) {  // attributes that are missing or of another kind
      at_ = start;
      const std::string_view what = error.what();
      fail("[" + op_name + "] " + std::string(what.substr(0, what.find('\n'))));
    } catch (const std::exception& error) {
      at_ = start;
      fail(error.what());
    }
    if (results.size() != names.size()) {
      at_ = start;
      fail("'" + op_name + "' has " + std::to_string(results.size()) + " results, " +
           std::to_string(names.size()) + " are named");
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
      check_type(scope, results[i], types[i], start);
      define(scope, names[i], results[i]);
    }
  }

  // The text may name a size that inference could only invent; it may not contradict inference.
  void check_type(Scope& scope, ValueId result, const Type& written, std::size_t start) {
    Type& inferred = scope.graph.values[result].type;
    bool fits = inferred.dtype == written.dtype && inferred.rank() == written.rank();
    for (int axis = 0; fits && axis < inferred.rank(); ++axis) {
      Dim& dim = inferred.shape[axis];
      const Dim& other = written.shape[axis];
      fits = !dim.is_known() || !other.is_known() || dim.size == other.size;
      if (!dim.is_known()) dim = other;
    }
    if (!fits) {
      at_ = start;
      fail("the type " + to_text(written, &scope.graph) + " is not what follows from the operands, " +
           to_text(inferred, &scope.graph));
    }
  }

  Graph parse_one() {
    Scope scope;
    expect("graph");
    expect("(");
    while (!accept(")")) {
      if (!scope.graph.inputs.empty()) expect(",");
      const std::string name = new_name();
      expect(":");
      const bool numbered = std::isdigit(static_cast<unsigned char>(name[0])) != 0;
      Type input_type = type(scope);
      define(scope, name, scope.graph.add_input(std::move(input_type), numbered ? "" : name));
    }
    expect("{");
    while (peek_word() != "return") statement(scope);
    expect("return");
    while (!accept("}")) {
      if (!scope.graph.outputs.empty()) expect(",");
      scope.graph.outputs.push_back(value(scope));
    }
    return std::move(scope.graph);
  }

  std::string_view text_;
  std::span<const Tensor> taken_out_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace

Graph parse_graph(std::string_view text, std::span<const Tensor> taken_out) { return Parser(text, taken_out).parse(); }

}  // namespace gemmule
