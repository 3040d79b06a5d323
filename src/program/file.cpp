#include "program/file.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include "ir/text.h"
#include "ir/verify.h"
#include "program/byte_stream.h"

namespace gemmule {
namespace {

constexpr std::string_view kMagic{"\x93GEMMULE", 8};
constexpr std::uint32_t kByteOrder = 0x01020304;
constexpr std::size_t kHeader = 64, kRow = 32, kAlignment = 64;
constexpr std::string_view kOldestReader = "0.1.0";
constexpr std::string_view kSections[] = {"program", "tensors", "elements"};

// -- writing
// ---------------------------------------------------------------------------------------------------------

struct Writer {
  std::vector<Tensor> tensors;
  ByteWriter program;

  void names(const std::vector<std::string>& names) {
    program.number<std::uint64_t>(names.size());
    for (const std::string& name : names) program.text(name);
  }

  void graph(const Graph& graph) { program.text(to_text(graph, {.taken_out = &tensors})); }

  void function(const PackedFunction& function) {
    program.text(function.name);
    names(function.inputs);
    names(function.outputs);
    graph(function.graph);
    program.number<std::uint8_t>(function.checks ? 1 : 0);
    if (function.checks) {
      graph(function.checks->conditions);
      names(function.checks->messages);
    }
    program.number<std::uint64_t>(function.parts.size());
    for (const Part& part : function.parts) {
      program.text(part.name);
      program.number<std::uint64_t>(part.shape.size());
      for (const std::int64_t size : part.shape) program.number(size);
    }
  }

  void package(const Package& package) {
    program.number<std::uint64_t>(package.functions.size());
    for (const PackedFunction& each : package.functions) function(each);
    program.number<std::uint64_t>(package.data.size());
    for (const auto& [name, value] : package.data) {
      program.text(name);
      program.number<std::uint64_t>(tensors.size());
      tensors.push_back(value);
    }
    program.number<std::uint64_t>(package.metadata.size());
    for (const auto& [key, value] : package.metadata) {
      program.text(key);
      program.text(value);
    }
  }
};

// -- reading
// ---------------------------------------------------------------------------------------------------------

// Memory for the elements of all tensors, at multiples of kAlignment as in the file.
std::shared_ptr<std::byte[]> aligned(std::span<const std::byte> bytes) {
  constexpr auto kBoundary = std::align_val_t(kAlignment);
  auto* memory = static_cast<std::byte*>(::operator new[](bytes.size() + 1, kBoundary));
  std::shared_ptr<std::byte[]> shared(
      memory, [](std::byte* held) { ::operator delete[](held, kBoundary); });
  if (!bytes.empty()) std::memcpy(memory, bytes.data(), bytes.size());
  return shared;
}

std::vector<Tensor> read_tensors(ByteReader rows, std::span<const std::byte> elements) {
  const std::shared_ptr<std::byte[]> memory = aligned(elements);
  std::vector<Tensor> tensors(rows.count(24));
  for (Tensor& tensor : tensors) {
    const auto dtype = rows.number<std::uint32_t>();
    const auto rank = rows.number<std::uint32_t>();
    const auto offset = rows.number<std::uint64_t>(), bytes = rows.number<std::uint64_t>();
    if (dtype >= static_cast<std::uint32_t>(kDTypeCount)) throw ByteError{"an unknown dtype"};
    tensor.dtype = static_cast<DType>(dtype);
    constexpr std::int64_t kMost = std::int64_t{1} << 48;
    std::int64_t product = 1;  // of all sizes but zeros
    for (std::uint32_t axis = 0; axis < rank; ++axis) {
      const auto size = rows.number<std::int64_t>();
      if (size < 0 || size > kMost / product) throw ByteError{"a size that cannot be"};
      product *= std::max<std::int64_t>(size, 1);
      tensor.shape.push_back(size);
    }
    if (tensor.bytes() != bytes || offset % kAlignment != 0 || offset > elements.size() ||
        bytes > elements.size() - offset) {
      throw ByteError{"a tensor lies outside of the elements"};
    }
    if (tensor.dtype == DType::bool_ &&
        std::ranges::any_of(elements.subspan(offset, bytes),
                            [](std::byte b) { return b > std::byte{1}; })) {
      throw ByteError{"a bool that is neither true nor false"};
    }
    tensor.data = std::shared_ptr<const std::byte[]>(memory, memory.get() + offset);
  }
  rows.expect_end();
  return tensors;
}

struct Reader {
  ByteReader program;
  const std::vector<Tensor>& tensors;

  std::vector<std::string> names() {
    std::vector<std::string> names(program.count(8));
    for (std::string& name : names) name = program.text();
    return names;
  }

  Graph graph() {
    Graph graph = parse_graph(program.text(), tensors);
    verify(graph);
    return graph;
  }

  PackedFunction function() {
    PackedFunction function;
    function.name = program.text();
    function.inputs = names();
    function.outputs = names();
    function.graph = graph();
    const auto has_checks = program.number<std::uint8_t>();
    if (has_checks > 1) throw ByteError{"a bool that is neither true nor false"};
    if (has_checks == 1) {
      Graph conditions = graph();
      function.checks = Checks{std::move(conditions), names()};
    }
    function.parts.resize(program.count(16));
    for (Part& part : function.parts) {
      part.name = program.text();
      part.shape.resize(program.count(8));
      for (std::int64_t& size : part.shape) size = program.number<std::int64_t>();
    }
    return function;
  }

  Package package() {
    Package package;
    package.functions.resize(program.count(8));
    for (PackedFunction& each : package.functions) each = function();
    package.data.resize(program.count(16));
    for (auto& [name, value] : package.data) {
      name = program.text();
      const auto index = program.number<std::uint64_t>();
      if (index >= tensors.size()) throw ByteError{"there is no tensor of this number"};
      value = tensors[index];
    }
    package.metadata.resize(program.count(16));
    for (auto& [key, value] : package.metadata) {
      key = program.text();
      value = program.text();
    }
    program.expect_end();
    return package;
  }
};

// Only what messages may show.
std::string printable(std::string text) {
  std::erase_if(text, [](char c) { return c < ' ' || c > '~'; });
  return text.empty() ? "?" : text;
}

// "0.10.2" -> {0, 10, 2}: what can be compared.
std::array<int, 3> number_of(std::string_view version) {
  std::array<int, 3> numbers{};
  const char* at = version.data();
  for (int& number : numbers) {
    at = std::from_chars(at, version.data() + version.size(), number).ptr;
    if (at == version.data() + version.size() || *at++ != '.') break;
  }
  return numbers;
}

class FileReader {
 public:
  FileReader(std::span<const std::byte> bytes, const std::string& name)
      : bytes_(bytes), name_(name) {}

  Package read() {
    check_header();
    const auto sections = read_sections();
    const std::vector<Tensor> tensors =
        in_section("tensors", [&] { return read_tensors(ByteReader(sections[1]), sections[2]); });
    return in_section("program", [&] {
      Package package = Reader{ByteReader(sections[0]), tensors}.package();
      validate(package);
      return package;
    });
  }

 private:
  [[noreturn]] void fail(FileError::Kind kind, const std::string& what) const {
    throw FileError(kind, name_ + ": " + what);
  }
  [[noreturn]] void damaged(const std::string& what) const {
    fail(FileError::Kind::damaged, "the file is damaged: " + what);
  }
  [[noreturn]] void truncated(std::size_t missing, const char* least) const {
    fail(FileError::Kind::truncated, "the file ends early: " + std::string(least) +
                                         std::to_string(missing) + " bytes are missing");
  }

  template <class Body>
  std::invoke_result_t<Body> in_section(std::string_view section, Body body) const {
    const auto fail_here = [&](const std::string& what) {
      // Checksums fit, so it is as it was written: perhaps with ops that this version does not
      // know.
      if (number_of(writer_) > number_of(GEMMULE_VERSION)) {
        fail(FileError::Kind::newer, "the file was written by Gemmule " + writer_ +
                                         ", this is " GEMMULE_VERSION ": section \"" +
                                         std::string(section) + "\": " + what);
      }
      damaged("section \"" + std::string(section) + "\": " + what);
    };
    try {
      return body();
    } catch (const ByteError& error) {
      fail_here(error.what);
    } catch (const FileError&) {
      throw;
    } catch (const UserError& error) {
      fail_here(error.what());
    } catch (const InternalError& error) {  // a graph that breaks a rule
      fail_here(std::string(error.what()).substr(0, std::string(error.what()).find('\n')));
    }
    throw InternalError("a section was neither read nor refused");
  }

  void check_header() {
    const auto is_same = [](std::byte byte, char c) { return byte == static_cast<std::byte>(c); };
    const std::size_t known = std::min(bytes_.size(), kMagic.size());
    if (!std::equal(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(known),
                    kMagic.begin(), is_same)) {
      fail(FileError::Kind::damaged, "this is no program of Gemmule's");
    }
    if (bytes_.size() < kHeader) truncated(kHeader - bytes_.size(), "at least ");
    ByteReader header(bytes_.first(kHeader));
    header.take(kMagic.size());
    const auto byte_order = header.number<std::uint32_t>(), format = header.number<std::uint32_t>();
    const auto size = header.number<std::uint64_t>();
    writer_ = printable(header.fixed(16));
    const std::string oldest = printable(header.fixed(16));
    section_count_ = header.number<std::uint32_t>();
    if (header.number<std::uint32_t>() != checksum(bytes_.first(kHeader - 4)))
      damaged("the header has another checksum");
    if (byte_order != kByteOrder)
      fail(FileError::Kind::damaged, "the file has another order of bytes than this machine");
    if (format > kProgramFormat) {
      fail(FileError::Kind::newer, "the file is of format " + std::to_string(format) +
                                       ", written by Gemmule " + writer_ + ": it needs Gemmule " +
                                       oldest + " or newer, this is " GEMMULE_VERSION);
    }
    if (format == 0) damaged("there is no format 0");
    if (bytes_.size() < size) truncated(size - bytes_.size(), "");
    if (bytes_.size() > size) damaged(std::to_string(bytes_.size() - size) + " bytes too many");
  }

  std::vector<std::span<const std::byte>> read_sections() const {
    if (section_count_ != std::size(kSections))
      damaged("there are " + std::to_string(section_count_) + " sections");
    const std::size_t end = kHeader + section_count_ * kRow;
    if (bytes_.size() < end + 4) damaged("there is no table of sections");
    const auto rows = bytes_.subspan(kHeader, section_count_ * kRow);
    if (ByteReader(bytes_.subspan(end, 4)).number<std::uint32_t>() != checksum(rows)) {
      damaged("the table of sections has another checksum");
    }
    ByteReader row(rows);
    std::vector<std::span<const std::byte>> sections;
    std::size_t at = end + 4;
    for (const std::string_view name : kSections) {
      const std::string found = row.fixed(8);
      const auto offset = row.number<std::uint64_t>(), size = row.number<std::uint64_t>();
      const auto sum = row.number<std::uint32_t>();
      row.number<std::uint32_t>();
      const std::size_t expected = (at + kAlignment - 1) / kAlignment * kAlignment;
      if (found != name) damaged("a section is called \"" + printable(found) + "\"");
      const std::string section = "section \"" + found + "\"";
      if (offset != expected || offset > bytes_.size() || size > bytes_.size() - offset) {
        damaged(section + " lies elsewhere");
      }
      if (std::ranges::any_of(bytes_.subspan(at, offset - at),
                              [](std::byte b) { return b != std::byte{0}; })) {
        damaged("something stands before " + section);
      }
      sections.push_back(bytes_.subspan(offset, size));
      if (checksum(sections.back()) != sum) damaged(section + " has another checksum");
      at = offset + size;
    }
    if (at != bytes_.size()) damaged("something stands behind the last section");
    return sections;
  }

  std::span<const std::byte> bytes_;
  const std::string& name_;
  std::string writer_;
  std::uint32_t section_count_ = 0;
};

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

[[noreturn]] void fail_io(const std::string& path, const char* what) {
  throw FileError(FileError::Kind::io, path + ": " + what + ": " + std::strerror(errno), errno);
}

// A file that no other writer has, in the folder of `path`, and its name.
std::pair<File, std::string> new_file_beside(const std::string& path) {
  static std::atomic<unsigned> number = 0;
  for (;;) {
    std::string name =
        path + "." + std::to_string(::getpid()) + "." + std::to_string(number++) + ".part";
    File file(std::fopen(name.c_str(), "wbx"));
    if (file != nullptr) return {std::move(file), std::move(name)};
    if (errno != EEXIST) fail_io(path, "cannot be written");
  }
}

}  // namespace

std::vector<std::byte> to_bytes(const Package& package) {
  Writer writer;
  writer.package(package);
  ByteWriter rows, elements;
  rows.number<std::uint64_t>(writer.tensors.size());
  for (const Tensor& tensor : writer.tensors) {
    elements.align(kAlignment);
    rows.number(static_cast<std::uint32_t>(tensor.dtype));
    rows.number(static_cast<std::uint32_t>(tensor.shape.size()));
    rows.number<std::uint64_t>(elements.size());
    rows.number<std::uint64_t>(tensor.bytes());
    for (const std::int64_t size : tensor.shape) rows.number(size);
    elements.bytes(tensor.data.get(), tensor.bytes());
  }

  const std::span<const std::byte> sections[] = {writer.program.written(), rows.written(),
                                                 elements.written()};
  ByteWriter table;
  const auto next = [](std::size_t at) { return (at + kAlignment - 1) / kAlignment * kAlignment; };
  std::size_t end = kHeader + std::size(kSections) * kRow + 4;
  for (std::size_t i = 0; i < std::size(kSections); ++i) {
    table.fixed(kSections[i], 8);
    table.number<std::uint64_t>(next(end));
    table.number<std::uint64_t>(sections[i].size());
    table.number(checksum(sections[i]));
    table.number<std::uint32_t>(0);
    end = next(end) + sections[i].size();
  }

  ByteWriter file;
  file.bytes(kMagic.data(), kMagic.size());
  file.number(kByteOrder);
  file.number(kProgramFormat);
  file.number<std::uint64_t>(end);
  file.fixed(GEMMULE_VERSION, 16);
  file.fixed(kOldestReader, 16);
  file.number(static_cast<std::uint32_t>(std::size(kSections)));
  file.number(checksum(file.written()));
  file.bytes(table.written().data(), table.size());
  file.number(checksum(table.written()));
  for (const auto& section : sections) {
    file.align(kAlignment);
    file.bytes(section.data(), section.size());
  }
  return file.take();
}

Package parse_package(std::span<const std::byte> bytes, const std::string& name) {
  return FileReader(bytes, name).read();
}

void save_package(const Package& package, const std::string& path) {
  const std::vector<std::byte> bytes = to_bytes(package);
  auto [file, temporary] = new_file_beside(path);
  // On the disk before it takes the place of another. Some file systems say only then, or when it
  // is closed, that there is no room.
  bool written = std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size() &&
                 std::fflush(file.get()) == 0 && ::fsync(::fileno(file.get())) == 0;
  if (!written) {
    const int error = errno;
    file.reset();
    errno = error;
  } else {
    written = std::fclose(file.release()) == 0 && std::rename(temporary.c_str(), path.c_str()) == 0;
  }
  if (!written) {
    const int error = errno;
    std::remove(temporary.c_str());
    errno = error;
    fail_io(path, "cannot be written");
  }
}

Package load_package(const std::string& path) {
  const File file(std::fopen(path.c_str(), "rb"));
  if (file == nullptr) fail_io(path, "cannot be read");
  std::vector<std::byte> bytes;
  std::vector<std::byte> block(std::size_t{1} << 20);
  while (const std::size_t count = std::fread(block.data(), 1, block.size(), file.get())) {
    bytes.insert(bytes.end(), block.begin(), block.begin() + static_cast<std::ptrdiff_t>(count));
  }
  if (std::ferror(file.get()) != 0) fail_io(path, "cannot be read");
  return parse_package(bytes, path);
}

}  // namespace gemmule
