// The C interface, and the C++ one on top of it.
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "gemmule/gemmule.h"
#include "gemmule/program.hpp"
#include "program/file.h"
#include "program/program_case.h"
#include "program/status.h"

namespace {

using gemmule::Package;

// A program from the bytes of a file.
gemmule::Program program_of(const Package& package) {
  const std::vector<std::byte> bytes = gemmule::to_bytes(package);
  return gemmule::Program::from_bytes(bytes.data(), bytes.size());
}

Package one_function(const std::string& text, const std::string& name = "main") {
  Package package;
  package.functions.push_back(gemmule::packed(name, text));
  return package;
}

std::string last_error() { return gemmule_last_error(); }

TEST(C, DensityOfAModel) {
  const auto program = program_of(gemmule::small_model());
  std::uint64_t dim = 0, expanded = 0;
  ASSERT_EQ(gemmule_dim(program.get(), &dim), GEMMULE_OK);
  ASSERT_EQ(gemmule_expanded(program.get(), &expanded), GEMMULE_OK);
  EXPECT_EQ(dim, 2U);
  EXPECT_EQ(expanded, 4U);
  EXPECT_EQ(gemmule_prepare(program.get()), GEMMULE_OK);
  double x[2], gradient[2], logp, out[4];
  ASSERT_EQ(gemmule_initial_point(program.get(), 2, x), GEMMULE_OK);
  EXPECT_EQ(x[1], -0.25);
  ASSERT_EQ(gemmule_logp(2, x, gradient, &logp, program.get()), GEMMULE_OK);
  EXPECT_TRUE(std::isfinite(logp));
  ASSERT_EQ(gemmule_expand(2, 4, x, out, program.get()), GEMMULE_OK);
  EXPECT_EQ(out[0], x[0]);
  EXPECT_STREQ(gemmule_metadata(program.get(), "kind"), "model");
  EXPECT_EQ(gemmule_metadata(program.get(), "none"), nullptr);
  EXPECT_STREQ(gemmule_version(), GEMMULE_VERSION);
}

TEST(C, Codes) {
  const auto program = program_of(gemmule::small_model());
  double x[] = {100, 0, 0}, gradient[3], logp;
  EXPECT_EQ(gemmule_logp(2, x, gradient, &logp, program.get()), GEMMULE_CHECK_FAILED);
  EXPECT_EQ(last_error(), "the mean is too large");
  x[0] = -INFINITY;
  EXPECT_EQ(gemmule_logp(2, x, gradient, &logp, program.get()), GEMMULE_GRADIENT_NOT_FINITE);
  EXPECT_EQ(last_error(), "the gradient is not finite");
  EXPECT_EQ(gemmule_logp(3, x, gradient, &logp, program.get()), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(last_error(), "x has 3 elements, function \"logp\" takes 2");
  EXPECT_EQ(gemmule_logp(2, nullptr, gradient, &logp, program.get()), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(last_error(), "a pointer is null");
  EXPECT_EQ(gemmule_logp(2, x, gradient, &logp, nullptr), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(gemmule_expand(2, 5, x, gradient, program.get()), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(gemmule_initial_point(program.get(), 3, x), GEMMULE_BAD_ARGUMENT);

  const auto overflows =
      program_of(one_function("graph(%x: f64[1]) {\n  %1: f64[1] = exp(%x)\n  %2: f64[] = "
                              "reduce_sum(%1) {axes = [0], dtype = f64}\n"
                              "  %3: f64[1] = sign(%x)\n  return %2, %3\n}",
                              "logp"));
  x[0] = 1000;
  EXPECT_EQ(gemmule_logp(1, x, gradient, &logp, overflows.get()), GEMMULE_LOGP_NOT_FINITE);
  EXPECT_EQ(last_error(), "the density is not finite");

  const auto singular = program_of(one_function(R"(graph(%x: f64[2]) {
  %1: f64[2,2] = outer(%x, %x)
  %2: f64[2,2] = inv(%1) {raises = true}
  %3: f64[] = reduce_sum(%2) {axes = [0,1], dtype = f64}
  return %3, %x
})",
                                                "logp"));
  x[0] = x[1] = 0;
  EXPECT_EQ(gemmule_logp(2, x, gradient, &logp, singular.get()), GEMMULE_LINALG) << last_error();

  const auto bounds = program_of(one_function(R"(graph(%x: f64[1]) {
  %1: f64[2] = constant() {value = f64[2] 1 2}
  %2: i64[1] = cast(%x) {dtype = i64}
  %3: f64[1] = gather(%1, %2) {axes = [0]}
  %4: f64[] = reduce_sum(%3) {axes = [0], dtype = f64}
  return %4, %3
})",
                                              "logp"));
  x[0] = 1;
  EXPECT_EQ(gemmule_logp(1, x, gradient, &logp, bounds.get()), GEMMULE_OK);
  EXPECT_EQ(logp, 2);
  x[0] = 2;
  EXPECT_EQ(gemmule_logp(1, x, gradient, &logp, bounds.get()), GEMMULE_BAD_INDEX) << last_error();

  const auto other =
      program_of(one_function("graph(%x: f64[1]) {\n  %1: f64[1] = exp(%x)\n  return %1\n}"));
  EXPECT_EQ(gemmule_logp(1, x, gradient, &logp, other.get()), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(last_error(), "the program has no function \"logp\"");
  std::uint64_t dim;
  EXPECT_EQ(gemmule_dim(other.get(), &dim), GEMMULE_BAD_ARGUMENT);
}

TEST(C, FilesThatAreNone) {
  gemmule_program* program = reinterpret_cast<gemmule_program*>(1);
  EXPECT_EQ(gemmule_load("/nowhere", &program), GEMMULE_IO);
  EXPECT_EQ(program, nullptr);
  EXPECT_EQ(last_error(), "/nowhere: cannot be read: No such file or directory");
  EXPECT_EQ(gemmule_load(nullptr, &program), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(gemmule_load_memory("gemmule", 7, &program), GEMMULE_DAMAGED);
  EXPECT_EQ(last_error(), "memory: this is no program of Gemmule's");
  std::vector<std::byte> bytes = gemmule::to_bytes(gemmule::small_model());
  EXPECT_EQ(gemmule_load_memory(bytes.data(), bytes.size() - 1, &program), GEMMULE_TRUNCATED);
  EXPECT_EQ(last_error(), "memory: the file ends early: 1 bytes are missing");
  bytes.back() ^= std::byte{1};
  EXPECT_EQ(gemmule_load_memory(bytes.data(), bytes.size(), &program), GEMMULE_DAMAGED);
  EXPECT_EQ(program, nullptr);
  gemmule_free(nullptr);
  gemmule_call_free(nullptr);
}

TEST(C, NullPointersEverywhere) {
  EXPECT_EQ(gemmule_function_count(nullptr), 0U);
  EXPECT_EQ(gemmule_function_at(nullptr, 0), nullptr);
  EXPECT_EQ(gemmule_find(nullptr, "main"), nullptr);
  EXPECT_EQ(gemmule_function_name(nullptr), nullptr);
  EXPECT_EQ(
      gemmule_input_count(nullptr) + gemmule_output_count(nullptr) + gemmule_part_count(nullptr),
      0U);
  EXPECT_EQ(gemmule_data_count(nullptr), 0U);
  EXPECT_EQ(gemmule_metadata(nullptr, "x"), nullptr);
  EXPECT_EQ(gemmule_input(nullptr, 0, nullptr), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(gemmule_output(nullptr, 0, nullptr), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(gemmule_part(nullptr, 0, nullptr, nullptr), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(gemmule_bind(nullptr, nullptr, 0, nullptr), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(gemmule_call_output(nullptr, 0, nullptr), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(gemmule_run(nullptr, nullptr, nullptr), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(gemmule_data(nullptr, 0, nullptr, nullptr), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(gemmule_with_data(nullptr, nullptr, nullptr, nullptr), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(gemmule_save(nullptr, nullptr), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(gemmule_dim(nullptr, nullptr), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(gemmule_expanded(nullptr, nullptr), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(gemmule_prepare(nullptr), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(gemmule_initial_point(nullptr, 0, nullptr), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(gemmule_expand(0, 0, nullptr, nullptr, nullptr), GEMMULE_BAD_ARGUMENT);
}

TEST(C, AnyFunction) {
  const auto program =
      program_of(one_function("graph(%x: f32[m,3], %n: i64[]) {\n  %2: f32[m,3] = exp(%x)\n  %3: "
                              "i64[] = negative(%n)\n  return %2, %3\n}"));
  const gemmule_function* function = gemmule_find(program.get(), "main");
  EXPECT_STREQ(gemmule_function_name(function), "main");
  ASSERT_EQ(gemmule_input_count(function), 2U);
  gemmule_variable variable;
  ASSERT_EQ(gemmule_input(function, 0, &variable), GEMMULE_OK);
  EXPECT_STREQ(variable.name, "x");
  EXPECT_EQ(variable.dtype, GEMMULE_FLOAT32);
  ASSERT_EQ(variable.rank, 2);
  EXPECT_EQ(variable.shape[0], -1);
  EXPECT_EQ(variable.shape[1], 3);
  ASSERT_EQ(gemmule_output(function, 1, &variable), GEMMULE_OK);
  EXPECT_EQ(variable.dtype, GEMMULE_INT64);
  EXPECT_EQ(variable.rank, 0);
  EXPECT_EQ(gemmule_input(function, 2, &variable), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(last_error(), "there is no input 2: there are 2");

  const std::int64_t shape[] = {2, 3}, columns_first[] = {1, 2};
  const float x[] = {0, 1, 2, 3, 4, 5};
  const std::int64_t n = 7;
  for (const bool strided : {false, true}) {
    const gemmule_array inputs[] = {
        {x, GEMMULE_FLOAT32, 2, shape, strided ? columns_first : nullptr},
        {nullptr, GEMMULE_INT64, 0, nullptr, nullptr}};
    gemmule_call* call = nullptr;
    ASSERT_EQ(gemmule_bind(function, inputs, 2, &call), GEMMULE_OK) << last_error();
    ASSERT_EQ(gemmule_call_output(call, 0, &variable), GEMMULE_OK);
    EXPECT_EQ(variable.shape[0], 2);
    EXPECT_EQ(gemmule_call_output(call, 2, &variable), GEMMULE_BAD_ARGUMENT);
    float y[6];
    std::int64_t m = 0;
    const void* from[] = {x, &n};
    void* to[] = {y, &m};
    ASSERT_EQ(gemmule_run(call, from, to), GEMMULE_OK);
    EXPECT_EQ(m, -7);
    EXPECT_NEAR(y[1], std::exp(strided ? 2.0 : 1.0), 1e-5);
    from[0] = nullptr;
    EXPECT_EQ(gemmule_run(call, from, to), GEMMULE_BAD_ARGUMENT);
    from[0] = x, to[1] = nullptr;
    EXPECT_EQ(gemmule_run(call, from, to), GEMMULE_BAD_ARGUMENT);
    gemmule_call_free(call);
  }
}

TEST(C, ArraysThatCannotBe) {
  const auto program =
      program_of(one_function("graph(%x: f64[m]) {\n  %1: f64[m] = exp(%x)\n  return %1\n}"));
  const gemmule_function* function = gemmule_find(program.get(), "main");
  const auto error_of = [&](gemmule_array array) {
    gemmule_call* call = nullptr;
    EXPECT_EQ(gemmule_bind(function, &array, 1, &call), GEMMULE_BAD_ARGUMENT);
    EXPECT_EQ(call, nullptr);
    return last_error();
  };
  const std::int64_t one[] = {1}, negative[] = {-1},
                     large[] = {std::numeric_limits<std::int64_t>::max()};
  EXPECT_EQ(error_of({nullptr, static_cast<gemmule_dtype>(14), 1, one, nullptr}),
            "an array has an unknown dtype");
  EXPECT_EQ(error_of({nullptr, GEMMULE_FLOAT64, 65, one, nullptr}), "an array has 65 dimensions");
  EXPECT_EQ(error_of({nullptr, GEMMULE_FLOAT64, -1, one, nullptr}), "an array has -1 dimensions");
  EXPECT_EQ(error_of({nullptr, GEMMULE_FLOAT64, 1, nullptr, nullptr}), "an array has no shape");
  EXPECT_EQ(error_of({nullptr, GEMMULE_FLOAT64, 1, negative, nullptr}),
            "an array has a size that cannot be: -1");
  EXPECT_EQ(error_of({nullptr, GEMMULE_FLOAT64, 1, large, nullptr}),
            "an array has a size that cannot be: 9223372036854775807");
  EXPECT_EQ(error_of({nullptr, GEMMULE_FLOAT32, 1, one, nullptr}),
            "input \"x\" is f32[1], function \"main\" declares f64[m]");
}

TEST(C, Data) {
  const auto program = program_of(gemmule::small_model());
  ASSERT_EQ(gemmule_data_count(program.get()), 1U);
  gemmule_variable variable;
  const void* value = nullptr;
  ASSERT_EQ(gemmule_data(program.get(), 0, &variable, &value), GEMMULE_OK);
  EXPECT_STREQ(variable.name, "y");
  EXPECT_EQ(static_cast<const double*>(value)[2], 3.5);
  EXPECT_EQ(gemmule_data(program.get(), 1, &variable, nullptr), GEMMULE_BAD_ARGUMENT);
  const std::int64_t two[] = {2}, reversed[] = {-1};
  const double y[] = {3, 4};
  const gemmule_array array{y + 1, GEMMULE_FLOAT64, 1, two, reversed};
  gemmule_program* changed = nullptr;
  ASSERT_EQ(gemmule_with_data(program.get(), "y", &array, &changed), GEMMULE_OK) << last_error();
  ASSERT_EQ(gemmule_data(changed, 0, &variable, &value), GEMMULE_OK);
  EXPECT_EQ(static_cast<const double*>(value)[0], 4);
  const double x[] = {0, 0};
  double gradient[2], logp;
  EXPECT_EQ(gemmule_logp(2, x, gradient, &logp, changed), GEMMULE_OK);
  EXPECT_NEAR(logp, -12.5, 1e-14);
  gemmule_free(changed);
  EXPECT_EQ(gemmule_with_data(program.get(), "z", &array, &changed), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(changed, nullptr);
  const gemmule_array none{nullptr, GEMMULE_FLOAT64, 1, two, nullptr};
  EXPECT_EQ(gemmule_with_data(program.get(), "y", &none, &changed), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(last_error(), "an array has no data");
}

TEST(C, PartsOfTheFlatVectors) {
  const auto program = program_of(gemmule::small_model());
  const gemmule_function* expand = gemmule_find(program.get(), "expand");
  ASSERT_EQ(gemmule_part_count(expand), 2U);
  gemmule_variable part;
  std::uint64_t offset = 9;
  ASSERT_EQ(gemmule_part(expand, 1, &part, &offset), GEMMULE_OK);
  EXPECT_STREQ(part.name, "exp");
  EXPECT_EQ(offset, 2U);
  EXPECT_EQ(part.shape[1], 1);
  EXPECT_EQ(gemmule_part(expand, 2, &part, nullptr), GEMMULE_BAD_ARGUMENT);
}

TEST(C, WhatKernelsThrowKeepsItsMessage) {
  const auto status_of = [](const auto& error) {
    return gemmule::guarded([&]() -> int { throw error; });
  };
  EXPECT_EQ(status_of(std::length_error("n is too large")), GEMMULE_UNSUPPORTED);
  EXPECT_EQ(last_error(), "n is too large");
  EXPECT_EQ(status_of(std::invalid_argument("no loop")), GEMMULE_UNSUPPORTED);
  EXPECT_EQ(last_error(), "no loop");
  EXPECT_EQ(status_of(std::bad_alloc()), GEMMULE_OUT_OF_MEMORY);
  EXPECT_EQ(status_of(std::runtime_error("other")), GEMMULE_INTERNAL);
  EXPECT_EQ(status_of(1), GEMMULE_INTERNAL);
}

TEST(C, LongMessagesEndWithACharacter) {
  for (const int before : {0, 1}) {
    std::string path = "/" + std::string(static_cast<std::size_t>(before), 'x');
    for (int i = 0; i < 600; ++i) path += "\xc3\xa9";
    gemmule_program* program = nullptr;
    EXPECT_EQ(gemmule_load(path.c_str(), &program), GEMMULE_IO);
    const std::string message = last_error();
    EXPECT_EQ(message, path.substr(0, message.size()));
    EXPECT_EQ(message.size(), before == 0 ? 1023U : 1022U);
  }
}

TEST(C, HandlesAreNullAfterAnError) {
  const auto stale = []<class T>(T** handle) { *handle = reinterpret_cast<T*>(1); };
  gemmule_program* program;
  gemmule_call* call;
  stale(&program);
  EXPECT_EQ(gemmule_load(nullptr, &program), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(program, nullptr);
  stale(&program);
  EXPECT_EQ(gemmule_load_memory(nullptr, 1, &program), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(program, nullptr);
  stale(&program);
  EXPECT_EQ(gemmule_with_data(nullptr, nullptr, nullptr, &program), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(program, nullptr);
  stale(&call);
  EXPECT_EQ(gemmule_bind(nullptr, nullptr, 0, &call), GEMMULE_BAD_ARGUMENT);
  EXPECT_EQ(call, nullptr);
}

TEST(C, MessagesOfThreadsAreTheirOwn) {
  const auto program = program_of(gemmule::small_model());
  const double x[] = {100, 0};
  double gradient[2], logp;
  ASSERT_EQ(gemmule_logp(2, x, gradient, &logp, program.get()), GEMMULE_CHECK_FAILED);
  std::thread([] { EXPECT_EQ(last_error(), ""); }).join();
  EXPECT_EQ(last_error(), "the mean is too large");
}

// GEMMULE_CALLS, or few enough for every day.
long calls() {
  const char* given = std::getenv("GEMMULE_CALLS");
  return given == nullptr ? 40000 : std::atol(given);
}

TEST(C, ThreadsCallAtOnce) {
  const auto program = program_of(gemmule::small_model());
  constexpr int kThreads = 4;
  std::atomic<long> wrong = 0, failed = 0;
  std::barrier start(kThreads);
  std::vector<std::thread> threads;
  // The first calls bind: nobody has prepared.
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const double good[] = {0.1 * t, 0.2 - 0.1 * t}, bad[] = {200.0, 0.0};
      double gradient[2], logp = 0, first = 0, out[4];
      start.arrive_and_wait();
      for (long call = 0; call < calls() / kThreads; ++call) {
        if (call % 100 == 99) {  // a check fails now and then
          failed += gemmule_logp(2, bad, gradient, &logp, program.get()) == GEMMULE_CHECK_FAILED;
          wrong += std::strcmp(gemmule_last_error(), "the mean is too large") != 0;
          continue;
        }
        if (call % 10 == 5) {
          wrong +=
              gemmule_expand(2, 4, good, out, program.get()) != GEMMULE_OK || out[0] != good[0];
          continue;
        }
        wrong += gemmule_logp(2, good, gradient, &logp, program.get()) != GEMMULE_OK;
        if (call == 0) first = logp;
        wrong += logp != first;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(failed, calls() / kThreads / 100 * kThreads);
}

// -- C++
// ---------------------------------------------------------------------------------------------

TEST(Cpp, Programs) {
  const auto program = program_of(gemmule::small_model());
  EXPECT_EQ(program.functions().size(), 3U);
  EXPECT_TRUE(program.has("expand"));
  EXPECT_THROW(program.function("main"), std::out_of_range);
  EXPECT_EQ(program.metadata("kind"), "model");
  EXPECT_EQ(program.metadata("none"), "");
  ASSERT_EQ(program.data().size(), 1U);
  EXPECT_EQ(program.data()[0].name, "y");
  const auto parts = program.function("expand").parts();
  EXPECT_EQ(parts[1].offset, 2U);
  EXPECT_EQ(parts[1].size(), 2U);
  const auto out = program.function("expand")({std::vector<double>{0, 1}});
  EXPECT_EQ(out[0].shape(), std::vector<std::int64_t>{4});
  EXPECT_EQ(out[0].at(1), 1);
  EXPECT_NEAR(out[0].at(3), std::exp(1), 1e-15);
  EXPECT_THROW(out[0].at<float>(0), std::invalid_argument);
  try {
    program.function("expand")({1.0});
    FAIL();
  } catch (const gemmule::Error& error) {
    EXPECT_EQ(error.status(), GEMMULE_BAD_ARGUMENT);
    EXPECT_FALSE(error.is_recoverable());
    EXPECT_STREQ(error.what(), "input \"x\" is f64[], function \"expand\" declares f64[2]");
  }
  const std::string path = testing::TempDir() + "gemmule_c_test.gemmule";
  program.save(path);
  EXPECT_EQ(gemmule::Program::load(path).functions().size(), 3U);
  std::remove(path.c_str());
}

TEST(Cpp, Arrays) {
  const gemmule::Array flags({2}, std::vector<bool>{true, false});
  EXPECT_EQ(flags.dtype(), GEMMULE_BOOL);
  EXPECT_TRUE(flags.at<bool>(0));
  const gemmule::Array numbers({2, 1}, std::vector<std::uint16_t>{1, 65535});
  EXPECT_EQ(numbers.dtype(), GEMMULE_UINT16);
  EXPECT_EQ(numbers.at<std::uint16_t>(1), 65535);
  const gemmule::Array complex({1}, std::vector<std::complex<double>>{{1, 2}});
  EXPECT_EQ(complex.dtype(), GEMMULE_COMPLEX128);
  EXPECT_THROW(gemmule::Array({3}, std::vector<double>{1}), std::invalid_argument);
  for (const std::vector<std::int64_t>& shape :
       {std::vector<std::int64_t>{-1}, {-1, -1}, {std::int64_t{1} << 62, 4}}) {
    EXPECT_THROW(gemmule::Array(GEMMULE_FLOAT64, shape), std::invalid_argument);
  }
  const gemmule::Array zeros(GEMMULE_COMPLEX128, {3});
  EXPECT_EQ(zeros.at<std::complex<double>>(2), std::complex<double>(0));
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(zeros.data()) % alignof(std::complex<double>), 0U);
  const std::int64_t any = -1;
  EXPECT_THROW(gemmule::Variable({"x", GEMMULE_FLOAT64, 1, &any}).size(), std::logic_error);
}

TEST(Cpp, Density) {
  const gemmule::Density density(program_of(gemmule::small_model()));
  EXPECT_EQ(density.dim(), 2U);
  EXPECT_EQ(density.expanded(), 4U);
  std::vector<double> x = density.initial_point(), gradient(2), out(4);
  EXPECT_TRUE(std::isfinite(density(x.data(), gradient.data())));
  density.expand(x.data(), out.data());
  EXPECT_EQ(out[1], x[1]);
  x[0] = 1000;
  EXPECT_EQ(density(x.data(), gradient.data()), -INFINITY);
  EXPECT_THROW(density(nullptr, gradient.data()), gemmule::Error);
  const auto changed = density.program().with_data("y", std::vector<double>{0});
  x = {0, 0};
  EXPECT_NEAR(gemmule::Density(changed)(x.data(), gradient.data()), 0, 1e-15);
  EXPECT_THROW(gemmule::Density(program_of(one_function("graph(%x: f64[1]) {\n  return %x\n}"))),
               gemmule::Error);
}

}  // namespace
