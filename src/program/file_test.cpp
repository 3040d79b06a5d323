#include "program/file.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <thread>

#include "ir/text_fuzz.h"
#include "plan/random_graph.h"
#include "program/byte_stream.h"
#include "program/program_case.h"

namespace gemmule {
namespace {

using Bytes = std::vector<std::byte>;

// What reading says: "" when it succeeds.
std::string read_error(std::span<const std::byte> bytes, FileError::Kind* kind = nullptr) {
  try {
    parse_package(bytes, "f");
    return "";
  } catch (const FileError& error) {
    if (kind != nullptr) *kind = error.kind;
    return error.what();
  }
}

void expect_same(const Package& a, const Package& b) {
  ASSERT_EQ(a.functions.size(), b.functions.size());
  for (std::size_t i = 0; i < a.functions.size(); ++i) {
    const PackedFunction &f = a.functions[i], &g = b.functions[i];
    EXPECT_EQ(f.name, g.name);
    EXPECT_EQ(f.inputs, g.inputs);
    EXPECT_EQ(f.outputs, g.outputs);
    // Texts are equal once they were parsed: the numbers of values change.
    const std::string text = to_text(parse_graph(to_text(f.graph)));
    EXPECT_EQ(text, to_text(g.graph));
    ASSERT_EQ(f.checks.has_value(), g.checks.has_value());
    if (f.checks) {
      EXPECT_EQ(to_text(parse_graph(to_text(f.checks->conditions))), to_text(g.checks->conditions));
      EXPECT_EQ(f.checks->messages, g.checks->messages);
    }
    ASSERT_EQ(f.parts.size(), g.parts.size());
    for (std::size_t k = 0; k < f.parts.size(); ++k) {
      EXPECT_EQ(f.parts[k].name, g.parts[k].name);
      EXPECT_EQ(f.parts[k].shape, g.parts[k].shape);
    }
  }
  ASSERT_EQ(a.data.size(), b.data.size());
  for (std::size_t i = 0; i < a.data.size(); ++i) {
    EXPECT_EQ(a.data[i].first, b.data[i].first);
    EXPECT_TRUE(a.data[i].second.same_bits(b.data[i].second));
  }
  EXPECT_EQ(a.metadata, b.metadata);
}

// -- what is written is read
// -------------------------------------------------------------------------

TEST(File, AModel) {
  const Package package = small_model();
  const Bytes bytes = to_bytes(package);
  const Package read = parse_package(bytes, "f");
  expect_same(package, read);
  EXPECT_EQ(to_bytes(parse_package(to_bytes(read), "f")), to_bytes(read));
  const double x[] = {0.5, -0.25};
  double logp[2], gradient[2];
  loaded(package).logp(2, x, gradient, &logp[0]);
  loaded(read).logp(2, x, gradient, &logp[1]);
  EXPECT_EQ(logp[0], logp[1]);
}

TEST(File, EveryOp) {
  int read = 0;
  for (const auto& [name, text] : fuzz::corpus()) {
    for (const bool optimised : {false, true}) {
      Graph graph = parse_graph(text);
      if (optimised) {
        try {
          graph = optimise(std::move(graph)).graph;
        } catch (const UserError&) {  // no pass is asked to take every program
          continue;
        }
      }
      Package package;
      package.functions.push_back(packed("main", std::move(graph)));
      try {
        validate(package);
      } catch (const UnsupportedError&) {
        EXPECT_EQ(name, "random");
        continue;
      }
      expect_same(package, parse_package(to_bytes(package), "f"));
      ++read;
    }
  }
  EXPECT_GT(read, 300);
}

TEST(File, RandomGraphsGiveTheSameValues) {
  for (std::uint32_t seed = 0; seed < 40; ++seed) {
    for (const DType dtype : {DType::f64, DType::f32}) {
      RandomGraph draw(seed, dtype);
      Package package;
      package.functions.push_back(packed("main", optimise(draw.graph()).graph));
      const std::vector<Tensor> inputs = draw.inputs(seed % 2 == 0);
      const std::vector<Tensor> expected = run(loaded(package).function("main"), inputs);
      const Package read = parse_package(to_bytes(package), "f");
      expect_same(package, read);
      const std::vector<Tensor> found = run(loaded(read).function("main"), inputs);
      for (std::size_t i = 0; i < expected.size(); ++i)
        EXPECT_TRUE(expected[i].same_bits(found[i])) << seed;
    }
  }
}

TEST(File, ConstantsOfAllDtypes) {
  std::mt19937 random(5);
  Package package;
  Graph graph;
  for (int dtype = 0; dtype < kDTypeCount; ++dtype) {
    for (const Integers& shape :
         {Integers{}, Integers{16}, Integers{17}, Integers{3, 0, 20}, Integers{5, 4, 3}}) {
      const Tensor tensor =
          random_tensor(static_type(static_cast<DType>(dtype), shape), random, true);
      graph.outputs.push_back(graph.add(Op::copy, {graph.add_constant(tensor)}));
      package.data.emplace_back("d" + std::to_string(package.data.size()), tensor);
    }
  }
  package.functions.push_back(packed("main", graph));
  const Package read = parse_package(to_bytes(package), "f");
  expect_same(package, read);
  const std::vector<Tensor> found = run(loaded(read).function("main"), {});
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Tensor& stored = package.data[i].second;
    EXPECT_TRUE(found[i].same_bits(stored)) << i;
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(read.data[i].second.data.get()) % 64, 0U);
  }
}

TEST(File, AConstantIsWrittenOnce) {
  Graph graph;
  const Tensor large = Tensor::zeros(DType::f64, {5000});
  for (int i = 0; i < 3; ++i)
    graph.outputs.push_back(graph.add(Op::copy, {graph.add_constant(large)}));
  Package package;
  package.functions.push_back(packed("a", graph));
  package.functions.push_back(packed("b", graph));
  EXPECT_LT(to_bytes(package).size(), 2 * large.bytes());
  expect_same(package, parse_package(to_bytes(package), "f"));
}

TEST(File, NamesAreAnyText) {
  Package package = small_model();
  package.functions[0].outputs[0] = "\"\xc3\xa9\n{}%1\\";
  package.functions[0].checks->messages[0] = std::string("nothing\0behind", 14);
  package.metadata.emplace_back("empty", "");
  expect_same(package, parse_package(to_bytes(package), "f"));
}

TEST(File, ConstantsInBodies) {
  Package package;
  std::string text = R"(graph(%n: i64[], %s: f64[6,20]) {
  %4: f64[6,20] = scan(%n, %s) {body = graph(%s: f64[20]) {
    %3: f64[20] = constant() {value = f64[20])";
  for (int i = 0; i < 20; ++i) text += " " + std::to_string(i);
  text += R"(}
    %4: f64[20] = add(%s, %3)
    return %4
  }, sequences = 0, states = "trace 0 -> 1"}
  return %4
})";
  package.functions.push_back(packed("main", parse_graph(text)));
  const Bytes bytes = to_bytes(package);
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  EXPECT_NE(all.find("f64[20] @0"), std::string_view::npos);
  expect_same(package, parse_package(bytes, "f"));
}

// -- what is damaged is refused
// ----------------------------------------------------------------------

TEST(Damage, EveryByteCounts) {
  const Bytes good = to_bytes(small_model());
  std::mt19937 random(fuzz::seed());
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= static_cast<std::byte>(1 << (random() % 8));
    ASSERT_NE(read_error(bad), "") << "byte " << i;
  }
}

TEST(Damage, EveryLengthIsTruncated) {
  const Bytes good = to_bytes(small_model());
  for (std::size_t size = 0; size < good.size(); ++size) {
    FileError::Kind kind{};
    const std::string error = read_error(std::span(good).first(size), &kind);
    ASSERT_EQ(kind, FileError::Kind::truncated) << size << ": " << error;
    const std::size_t missing = (size < 64 ? 64 : good.size()) - size;
    ASSERT_EQ(error, "f: the file ends early: " + std::string(size < 64 ? "at least " : "") +
                         std::to_string(missing) + " bytes are missing");
  }
}

TEST(Damage, MessagesSayWhere) {
  const Bytes good = to_bytes(small_model());
  const auto error_at = [&](std::size_t byte) {
    Bytes bad = good;
    bad[byte] ^= std::byte{0x10};
    return read_error(bad);
  };
  EXPECT_EQ(error_at(3), "f: this is no program of Gemmule's");
  EXPECT_EQ(error_at(20), "f: the file is damaged: the header has another checksum");
  EXPECT_EQ(error_at(70), "f: the file is damaged: the table of sections has another checksum");
  EXPECT_EQ(error_at(300), "f: the file is damaged: section \"program\" has another checksum");
  EXPECT_EQ(error_at(good.size() - 1),
            "f: the file is damaged: section \"elements\" has another checksum");
  Bytes longer = good;
  longer.push_back(std::byte{0});
  EXPECT_EQ(read_error(longer), "f: the file is damaged: 1 bytes too many");
}

// The file with checksums that fit again.
void mend(Bytes& bytes) {
  const auto put = [&](std::size_t at, std::uint32_t value) {
    std::memcpy(bytes.data() + at, &value, 4);
  };
  const auto get = [&](std::size_t at) {
    std::uint64_t value;
    std::memcpy(&value, bytes.data() + at, 8);
    return value;
  };
  const std::span<const std::byte> all(bytes);
  for (std::size_t row = 64; row < 160; row += 32) {
    const std::uint64_t offset = get(row + 8), size = get(row + 16);
    if (offset <= bytes.size() && size <= bytes.size() - offset)
      put(row + 24, checksum(all.subspan(offset, size)));
  }
  put(160, checksum(all.subspan(64, 96)));
  put(60, checksum(all.first(60)));
}

TEST(Damage, HeadersThatFitTheirChecksum) {
  const Bytes good = to_bytes(small_model());
  const auto error_with = [&](std::size_t at, std::uint32_t value) {
    Bytes bad = good;
    std::memcpy(bad.data() + at, &value, 4);
    mend(bad);
    return read_error(bad);
  };
  EXPECT_EQ(error_with(8, 0x04030201), "f: the file has another order of bytes than this machine");
  EXPECT_EQ(error_with(12, 0), "f: the file is damaged: there is no format 0");
  EXPECT_EQ(error_with(56, 4), "f: the file is damaged: there are 4 sections");
  EXPECT_EQ(error_with(64, 0x78787878), "f: the file is damaged: a section is called \"xxxxram\"");
  EXPECT_EQ(error_with(72, 200), "f: the file is damaged: section \"program\" lies elsewhere");
  EXPECT_EQ(error_with(84, 1), "f: the file is damaged: section \"program\" lies elsewhere");
  EXPECT_EQ(error_with(164, 1),
            "f: the file is damaged: something stands before section \"program\"");
}

TEST(Damage, ANewerFormatSaysWhatItNeeds) {
  Bytes newer = to_bytes(small_model());
  const std::uint32_t format = 7;
  std::memcpy(newer.data() + 12, &format, 4);
  std::memset(newer.data() + 24, 0, 32);
  std::memcpy(newer.data() + 24, "3.1.4", 5);
  std::memcpy(newer.data() + 40, "3.0.0", 5);
  mend(newer);
  newer.resize(64);  // whatever follows
  FileError::Kind kind{};
  EXPECT_EQ(read_error(newer, &kind),
            "f: the file is of format 7, written by Gemmule 3.1.4: it needs Gemmule 3.0.0 or "
            "newer, this is " GEMMULE_VERSION);
  EXPECT_EQ(kind, FileError::Kind::newer);
}

// An op that came later needs no other format.
TEST(Damage, WhatANewerVersionWroteIsNotDamaged) {
  Bytes bytes = to_bytes(small_model());
  const std::string_view word = "reduce_all";
  const auto at = std::search(bytes.begin(), bytes.end(), word.begin(), word.end(),
                              [](std::byte a, char b) { return a == static_cast<std::byte>(b); });
  ASSERT_NE(at, bytes.end());
  *(at + 9) = static_cast<std::byte>('x');
  for (const std::string version : {"999.0.0", "0.999", GEMMULE_VERSION, "0.0.9", "?"}) {
    std::memset(bytes.data() + 24, 0, 16);
    std::memcpy(bytes.data() + 24, version.data(), version.size());
    mend(bytes);
    FileError::Kind kind{};
    const std::string error = read_error(bytes, &kind);
    EXPECT_THAT(error, testing::HasSubstr("unknown op 'reduce_alx'"));
    const bool newer = version == "999.0.0" || version == "0.999";
    EXPECT_EQ(kind, newer ? FileError::Kind::newer : FileError::Kind::damaged) << version;
    if (newer) {
      EXPECT_EQ(error.rfind("f: the file was written by Gemmule " + version +
                                ", this is " GEMMULE_VERSION ": section \"program\": ",
                            0),
                0U)
          << error;
    }
  }
}

// A program that could be read is run, where that does not take long.
void run_if_small(const Package& package) {
  const LoadedProgram program = loaded(package);
  std::mt19937 random(1);
  for (const auto& function : program.functions()) {
    std::vector<Tensor> inputs;
    double elements = 0;
    for (int i = 0; i < static_cast<int>(function->arguments().size()); ++i) {
      Extents shape = function->argument_shape(i);
      double count = 1;
      for (std::int64_t& size : shape) {
        if (size < 0) size = 3;
        count *= static_cast<double>(size);
      }
      elements += count;
      if (elements > 1e4) break;
      inputs.push_back(random_tensor(static_type(function->argument_type(i).dtype, shape), random));
    }
    if (elements > 1e4) continue;
    try {
      run(*function, inputs);
    } catch (const UserError&) {
    }
  }
}

// Files that are damaged behind checksums that fit: an error, or a program.
TEST(Damage, BehindChecksumsThatFit) {
  std::cout << "GEMMULE_FUZZ_SEED=" << fuzz::seed() << "\n";
  std::mt19937 random(fuzz::seed());
  const Bytes good = to_bytes(small_model());
  const char* many = std::getenv("GEMMULE_DAMAGED_FILES");
  const int files = many == nullptr ? 4000 : std::atoi(many);
  int refused = 0;
  for (int file = 0; file < files; ++file) {
    Bytes bad = good;
    const int changes = 1 + static_cast<int>(random() % 3);
    for (int i = 0; i < changes; ++i) {
      const std::size_t at = 24 + random() % (bad.size() - 24);
      switch (random() % 5) {
        case 0:  // another byte
          bad[at] = static_cast<std::byte>(random());
          break;
        case 1:  // a bit
          bad[at] ^= static_cast<std::byte>(1 << (random() % 8));
          break;
        case 2: {  // a number
          const std::uint64_t numbers[] = {0,          1,          2,     255,       1ULL << 31,
                                           1ULL << 32, 1ULL << 48, ~0ULL, ~0ULL >> 1};
          const std::uint64_t number = numbers[random() % std::size(numbers)];
          const std::size_t aligned = at / 8 * 8;
          if (aligned + 8 <= bad.size()) std::memcpy(bad.data() + aligned, &number, 8);
          break;
        }
        case 3: {  // what stands elsewhere
          const std::size_t from = random() % bad.size(), count = random() % 40;
          if (from + count <= bad.size() && at + count <= bad.size())
            std::memmove(&bad[at], &bad[from], count);
          break;
        }
        default: {  // a digit or letter: text that nearly is right
          std::size_t letter = at;
          while (letter < bad.size() && !std::isalnum(static_cast<unsigned char>(bad[letter])))
            ++letter;
          if (letter < bad.size())
            bad[letter] = static_cast<std::byte>("0123456789abcdefxyz"[random() % 19]);
        }
      }
    }
    mend(bad);
    std::optional<Package> package;
    try {
      package = parse_package(bad, "f");
    } catch (const FileError& error) {
      ++refused;
      ASSERT_EQ(std::string(error.what()).find("bug in Gemmule"), std::string::npos)
          << error.what();
    }
    if (package) run_if_small(*package);
  }
  EXPECT_GT(refused, files / 4);
}

// Programs whose text nearly is valid, in files that are well made.
TEST(Damage, TextThatIsNearlyValid) {
  fuzz::Random random(fuzz::seed());
  std::vector<std::string> texts;
  for (const auto& [name, text] : fuzz::corpus()) texts.push_back(text);
  int refused = 0, read = 0;
  for (int round = 0; round < 2000; ++round) {
    const std::string text = fuzz::mutated(fuzz::pick(random, texts), texts, random);
    ByteWriter program;
    program.number<std::uint64_t>(1);
    program.text("main");
    PackedFunction names = packed("main", Graph{});
    try {
      names = packed("main", parse_graph(text));
    } catch (const UserError&) {
    }
    for (const auto& list : {names.inputs, names.outputs}) {
      program.number<std::uint64_t>(list.size());
      for (const std::string& name : list) program.text(name);
    }
    program.text(text);
    program.number<std::uint8_t>(0);
    for (int i = 0; i < 3; ++i) program.number<std::uint64_t>(0);
    // Around it a file with room: the sections of one without functions are replaced.
    ByteWriter tensors;
    tensors.number<std::uint64_t>(0);
    Bytes bytes = to_bytes(small_model());
    bytes.resize(64 + 96 + 4);
    std::size_t at = bytes.size();
    std::size_t row = 64;
    for (const auto& section :
         {program.written(), tensors.written(), std::span<const std::byte>{}}) {
      bytes.resize((at + 63) / 64 * 64);
      const std::uint64_t offset = bytes.size(), size = section.size();
      bytes.insert(bytes.end(), section.begin(), section.end());
      std::memcpy(&bytes[row + 8], &offset, 8);
      std::memcpy(&bytes[row + 16], &size, 8);
      row += 32;
      at = bytes.size();
    }
    const std::uint64_t size = bytes.size();
    std::memcpy(&bytes[16], &size, 8);
    mend(bytes);
    const std::string error = read_error(bytes);
    if (error.empty()) {
      ++read;
    } else {
      ++refused;
      EXPECT_EQ(error.rfind("f: the file is damaged: section \"program\": ", 0), 0U) << error;
    }
  }
  EXPECT_GT(refused, 1000);
  EXPECT_GT(read, 20);
}

TEST(File, FilesThatCannotBeReadOrWritten) {
  try {
    load_package("/nowhere/model.gemmule");
    FAIL();
  } catch (const FileError& error) {
    EXPECT_EQ(error.kind, FileError::Kind::io);
    EXPECT_STREQ(error.what(), "/nowhere/model.gemmule: cannot be read: No such file or directory");
  }
  EXPECT_THROW(save_package(small_model(), "/nowhere/model.gemmule"), FileError);
  EXPECT_THROW(load_package("/"), FileError);
}

TEST(File, IsReplacedAsAWhole) {
  const std::string path = testing::TempDir() + "gemmule_file_test.gemmule";
  save_package(small_model(), path);
  save_package(small_model(), path);
  expect_same(small_model(), load_package(path));
  std::remove(path.c_str());
}

TEST(File, WritersAtOnceDoNotMix) {
  const std::filesystem::path folder =
      std::filesystem::path(testing::TempDir()) / ("gemmule_writers_" + std::to_string(::getpid()));
  std::filesystem::create_directory(folder);
  const std::string path = folder / "it.gemmule";
  std::vector<Package> packages(2, small_model());
  packages[1].data[0].second = Tensor::zeros(DType::f64, {20000});
  std::vector<std::thread> writers;
  for (const Package& package : packages) {
    writers.emplace_back([&] {
      for (int i = 0; i < 40; ++i) save_package(package, path);
    });
  }
  for (std::thread& writer : writers) writer.join();
  const std::int64_t count = load_package(path).data[0].second.count();
  EXPECT_TRUE(count == 3 || count == 20000) << count;
  // Nor is anything left beside it, also where it cannot be put in its place.
  std::filesystem::remove(path);
  std::filesystem::create_directories(std::filesystem::path(path) / "full");
  EXPECT_THROW(save_package(packages[0], path), FileError);
  const auto files = std::filesystem::directory_iterator(folder);
  EXPECT_EQ(std::distance(begin(files), end(files)), 1);
  std::filesystem::remove_all(folder);
}

// What the text says may be as large as it likes: an error, where memory could not have it.
TEST(Damage, SizesThatCannotBe) {
  const auto error_of = [](const std::string& result, const std::string& op) {
    const std::string text =
        "graph(%x: f64[]) {\n  %n: i64[] = constant() {value = i64[] 4294967296}\n"
        "  %low: i64[] = constant() {value = i64[] -9223372036854775808}\n"
        "  %high: i64[] = constant() {value = i64[] 9223372036854775807}\n"
        "  %one: i64[] = constant() {value = i64[] 1}\n  %y: " +
        result + " = " + op + "\n  return %y\n}";
    try {
      parse_graph(text);
      return std::string("no error");
    } catch (const UserError& error) {
      return std::string(error.what());
    }
  };
  EXPECT_THAT(error_of("f64[?,?]", "broadcast_to(%x, %n, %n)"),
              testing::HasSubstr("[broadcast_to] the result is f64[4294967296,4294967296], larger "
                                 "than any memory"));
  EXPECT_THAT(error_of("f64[?]", "arange(%low, %high, %one) {dtype = f64}"),
              testing::HasSubstr("larger than any memory"));
  EXPECT_THAT(error_of("f64[?,?]", "eye(%n, %n, %one) {dtype = f64}"),
              testing::HasSubstr("larger than any memory"));
  EXPECT_THAT(error_of("f64[?,?]", "reshape(%x, %n, %n)"),
              testing::HasSubstr("larger than any memory"));
  std::string ones = "f64[1", axes = "0";
  for (int axis = 1; axis < 65; ++axis) ones += ",1", axes += "," + std::to_string(axis);
  EXPECT_THAT(error_of(ones + "]", "expand_dims(%x) {axes = [" + axes + "]}"),
              testing::HasSubstr("the result has 65 dimensions, 64 are the most"));
}

}  // namespace
}  // namespace gemmule
