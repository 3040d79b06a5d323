#include "program/loaded_program.h"

#include <cmath>

#include "program/program_case.h"

namespace gemmule {
namespace {

template <class Error = UserError, class Body>
std::string error_of(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

double numeric_logp(const LoadedProgram& program, std::vector<double> x) {
  double logp = 0, gradient[2];
  program.logp(2, x.data(), gradient, &logp);
  return logp;
}

TEST(LoadedProgram, DensityAndGradientByAddress) {
  const LoadedProgram program = loaded(small_model());
  EXPECT_EQ(program.dim(), 2U);
  EXPECT_EQ(program.expanded(), 4U);
  const double x[] = {0.5, -0.25};
  double logp = 0, gradient[2] = {};
  program.logp(2, x, gradient, &logp);
  double expected = 0;
  for (const double y : {1.0, 2.0, 3.5})
    expected += -0.5 * std::pow((y - x[0]) * std::exp(-x[1]), 2) - x[1];
  EXPECT_NEAR(logp, expected, 1e-12);
  for (int i = 0; i < 2; ++i) {
    std::vector<double> up{x[0], x[1]}, down = up;
    up[i] += 1e-5, down[i] -= 1e-5;
    EXPECT_NEAR(gradient[i], (numeric_logp(program, up) - numeric_logp(program, down)) / 2e-5,
                1e-7);
  }
  double out[4];
  program.expand(2, 4, x, out);
  EXPECT_EQ(out[1], -0.25);
  EXPECT_NEAR(out[2], std::exp(0.5), 1e-15);
}

TEST(LoadedProgram, ACheckThatFailsSpeaks) {
  const LoadedProgram program = loaded(small_model());
  EXPECT_EQ(error_of<CheckError>([&] { numeric_logp(program, {100, 0}); }),
            "the mean is too large");
  EXPECT_EQ(error_of<CheckError>([&] { numeric_logp(program, {NAN, 0}); }),
            "the mean is too large");
  EXPECT_NO_THROW(numeric_logp(program, {99, 0}));
}

// The whole and the conditions alone may round differently: it is the point that is refused.
TEST(LoadedProgram, ACheckThatFailsOnlyWithinTheWhole) {
  Package package = small_model();
  Checks& checks = *package.functions[0].checks;
  checks.conditions = parse_graph(
      "graph(%x: f64[2], %y: f64[n]) {\n  %2: bool[] = constant() {value = bool[] true}\n  return "
      "%2\n}");
  EXPECT_EQ(error_of<CheckError>([&] { numeric_logp(loaded(package), {100, 0}); }),
            "the mean is too large");
  checks.conditions.outputs.push_back(checks.conditions.outputs[0]);
  checks.messages.emplace_back("another");
  EXPECT_EQ(error_of<CheckError>([&] { numeric_logp(loaded(package), {100, 0}); }),
            "one of these checks does not hold: the mean is too large; another");
}

// x, then for each datum what is proportional to it.
Package model_of_data() {
  Package package;
  package.functions.push_back(packed("expand", R"(graph(%x: f64[1], %t: f64[n]) {
  %2: f64[n] = multiply(%t, %x)
  %3: f64[?] = concatenate(%x, %2) {axis = 0}
  return %3
})"));
  package.functions.push_back(packed("expand_shapes", R"(graph(%x: f64[1], %t: f64[n]) {
  %2: i64[0] = constant() {value = i64[0]}
  %3: i64[] = dim(%t) {axis = 0}
  %4: i64[1] = stack(%3) {dtype = i64}
  return %2, %4
})"));
  package.functions[0].parts = {{"x", {}}, {"line", {3}}};
  package.data.emplace_back("t", vector_of({1, 2, 3}));
  return package;
}

TEST(LoadedProgram, ShapesOfPartsFollowFromData) {
  const LoadedProgram program = loaded(model_of_data());
  const auto shapes = [](const LoadedProgram& of) {
    std::vector<std::vector<std::int64_t>> all;
    for (const Part& part : of.function("expand").parts()) all.push_back(part.shape);
    return all;
  };
  using Shapes = std::vector<std::vector<std::int64_t>>;
  EXPECT_EQ(shapes(program), (Shapes{{}, {3}}));
  const auto longer = program.with_data({{"t", vector_of({1, 2, 3, 4, 5})}});
  EXPECT_EQ(shapes(*longer), (Shapes{{}, {5}}));
  EXPECT_EQ(shapes(*longer->with_data({{"t", vector_of({})}})), (Shapes{{}, {0}}));
}

TEST(LoadedProgram, OtherDataOfOtherSizes) {
  const LoadedProgram program = loaded(small_model());
  const auto changed = program.with_data({{"y", vector_of({0, 0, 0, 0, 2})}});
  EXPECT_NEAR(numeric_logp(*changed, {0, 0}), -2, 1e-15);
  EXPECT_NEAR(numeric_logp(*program.with_data({{"y", vector_of({})}}), {0, 0}), 0, 1e-15);
  EXPECT_NEAR(numeric_logp(program, {0, 0}), -(1 + 4 + 3.5 * 3.5) / 2, 1e-15);
  EXPECT_EQ(error_of([&] { program.with_data({{"z", vector_of({})}}); }),
            "the program has no data \"z\": it has \"y\"");
  EXPECT_EQ(
      error_of<ShapeError>([&] { program.with_data({{"y", Tensor::scalar(DType::f64, 1)}}); }),
      "data \"y\" is f64[3], it cannot become f64[]");
  EXPECT_EQ(error_of<DTypeError>([&] { program.with_data({{"y", Tensor::integers({1})}}); }),
            "data \"y\" is f64[3], it cannot become i64[1]");
}

TEST(LoadedProgram, LengthsThatAreWrong) {
  const LoadedProgram program = loaded(small_model());
  double x[3] = {}, out[5] = {};
  EXPECT_EQ(error_of<ShapeError>([&] { program.logp(3, x, out, out + 4); }),
            "x has 3 elements, function \"logp\" takes 2");
  EXPECT_EQ(error_of<ShapeError>([&] { program.expand(2, 5, x, out); }),
            "function \"expand\" gives 4 elements, not 5");
}

TEST(LoadedProgram, WhatIsNoDensity) {
  const auto error_of_logp = [](const std::string& text) {
    Package package;
    package.functions.push_back(packed("logp", text));
    const LoadedProgram program = loaded(std::move(package));
    double x[2] = {}, gradient[2] = {}, logp = 0;
    return error_of([&] { program.logp(2, x, gradient, &logp); });
  };
  EXPECT_EQ(
      error_of_logp("graph(%x: f32[2]) {\n  %1: f32[] = reduce_sum(%x) {axes = [0], dtype = f32}\n"
                    "  return %1, %x\n}"),
      "function \"logp\" takes f32[2], not a vector of f64");
  EXPECT_EQ(error_of_logp(
                "graph(%x: f64[2], %y: f64[]) {\n  %2: f64[2] = add(%x, %y)\n  return %y, %2\n}"),
            "function \"logp\" has 2 inputs without data: it takes one flat vector");
  EXPECT_EQ(error_of_logp("graph(%x: f64[2]) {\n  %1: f64[2] = exp(%x)\n  return %1\n}"),
            "function \"logp\" has 1 outputs, not 2");
  EXPECT_EQ(error_of_logp("graph(%x: f64[2]) {\n  %1: f64[2] = exp(%x)\n  return %1, %1\n}"),
            "function \"logp\" gives f64[2] as \"out0\", not f64 of 0 dimensions");
  EXPECT_EQ(
      error_of_logp("graph(%x: f64[n]) {\n  %1: f64[] = reduce_sum(%x) {axes = [0], dtype = f64}\n"
                    "  %2: f64[1] = expand_dims(%1) {axes = [0]}\n  return %1, %2\n}"),
      "function \"logp\" gives a gradient of 1 elements for 2");
}

TEST(LoadedProgram, AnyLengthIsBoundByTheFirstCall) {
  Package package;
  package.functions.push_back(packed("logp",
                                     "graph(%x: f64[n]) {\n"
                                     "  %1: f64[] = reduce_sum(%x) {axes = [0], dtype = f64}\n"
                                     "  %2: f64[n] = exp(%x)\n  return %1, %2\n}"));
  const LoadedProgram program = loaded(std::move(package));
  EXPECT_EQ(error_of([&] { program.dim(); }), "function \"logp\" takes vectors of any length");
  double x[] = {1, 2, 3}, gradient[3], logp = 0;
  program.logp(3, x, gradient, &logp);
  EXPECT_EQ(logp, 6);
  EXPECT_EQ(program.dim(), 3U);
  EXPECT_THROW(program.logp(2, x, gradient, &logp), ShapeError);
}

TEST(LoadedFunction, StridesOfArguments) {
  Package package;
  package.functions.push_back(
      packed("main", "graph(%x: f64[m,n]) {\n  %1: f64[m,n] = exp(%x)\n  return %1\n}"));
  const LoadedProgram program = loaded(std::move(package));
  const double x[] = {0, 1, 2, 3, 4, 5};
  const auto first_row = [&](const void* data, const Extents& strides) {
    const ArgumentLayout layout{DType::f64, {2, 3}, strides};
    const auto bound = program.function("main").bind({&layout, 1}, &data);
    std::vector<double> out(6);
    void* to = out.data();
    bound->run(&data, &to);
    return std::vector<double>{std::log(out[0]), std::log(out[1]), std::log(out[5])};
  };
  using testing::DoubleNear;
  using testing::ElementsAre;
  const auto near = [](double value) { return DoubleNear(value, 1e-14); };
  EXPECT_THAT(first_row(x, {}), ElementsAre(near(0), near(1), near(5)));
  EXPECT_THAT(first_row(x, {1, 2}), ElementsAre(near(0), near(2), near(5)));
  EXPECT_THAT(first_row(x + 5, {-3, -1}), ElementsAre(near(5), near(4), near(0)));
  EXPECT_THAT(first_row(x + 1, {0, 0}), ElementsAre(near(1), near(1), near(1)));
}

TEST(LoadedFunction, ALengthThatIsAnInput) {
  Package package;
  package.functions.push_back(packed("main", R"(graph(%n: i64[], %x: f64[]) {
  %2: i64[] = constant() {value = i64[] 0}
  %3: i64[] = constant() {value = i64[] 1}
  %4: f64[?] = arange(%2, %n, %3) {dtype = f64}
  %5: f64[?] = multiply(%4, %x)
  return %5
})"));
  const LoadedProgram program = loaded(std::move(package));
  const LoadedFunction& function = program.function("main");
  for (const std::int64_t n : {3, 5, 0, 3}) {
    const std::vector<Tensor> out =
        run(function, {Tensor::from_bytes(DType::i64, {}, &n), Tensor::scalar(DType::f64, 2)});
    ASSERT_EQ(out[0].shape, Extents{n});
    if (n > 0) EXPECT_EQ(out[0].at<double>(n - 1), 2.0 * static_cast<double>(n - 1));
  }
  const ArgumentLayout layouts[] = {{DType::i64, {}, {}}, {DType::f64, {}, {}}};
  EXPECT_EQ(error_of([&] { function.bind(layouts, nullptr); }),
            "a size is made of the value of input \"n\", which is not given");
}

TEST(LoadedFunction, DataThatDecideASize) {
  Package package = {.functions = {packed("main", R"(graph(%n: i64[], %x: f64[]) {
  %2: i64[] = constant() {value = i64[] 0}
  %3: i64[] = constant() {value = i64[] 1}
  %4: f64[?] = arange(%2, %n, %3) {dtype = f64}
  %5: f64[?] = multiply(%4, %x)
  return %5
})")},
                     .data = {{"n", Tensor::scalar(DType::i64, 4)}},
                     .metadata = {}};
  const LoadedProgram program = loaded(std::move(package));
  EXPECT_EQ(run(program.function("main"), {Tensor::scalar(DType::f64, 3)})[0].at<double>(3), 9);
  const auto longer = program.with_data({{"n", Tensor::scalar(DType::i64, 6)}});
  EXPECT_EQ(run(longer->function("main"), {Tensor::scalar(DType::f64, 3)})[0].at<double>(5), 15);
}

TEST(LoadedFunction, DiagonalsOutsideOfAMatrix) {
  const std::pair<std::string, double> sums[] = {
      {"-9223372036854775808", 0}, {"-2", 0}, {"-1", 1}, {"0", 2}, {"1", 1}, {"2", 0},
      {"9223372036854775807", 0}};
  for (const auto& [offset, sum] : sums) {
    Package package;
    package.functions.push_back(
        packed("main",
               "graph() {\n  %n: i64[] = constant() {value = i64[] 2}\n"
               "  %k: i64[] = constant() {value = i64[] " +
                   offset +
                   "}\n  %e: f64[2,2] = eye(%n, %n, %k) {dtype = f64}\n"
                   "  %s: f64[] = reduce_sum(%e) {axes = [0,1], dtype = f64}\n"
                   "  return %s\n}"));
    EXPECT_EQ(run(loaded(std::move(package)).function("main"), {})[0].at<double>(0), sum) << offset;
  }
}

TEST(LoadedFunction, ArgumentsThatDoNotFit) {
  Package package;
  package.functions.push_back(
      packed("main", "graph(%x: f64[m,3]) {\n  %1: f64[m,3] = exp(%x)\n  return %1\n}"));
  const LoadedProgram program = loaded(std::move(package));
  const auto error = [&](const std::vector<ArgumentLayout>& layouts) {
    return error_of([&] { program.function("main").bind(layouts, nullptr); });
  };
  EXPECT_EQ(error({}), "function \"main\" takes 1 inputs, 0 were given");
  EXPECT_EQ(error({{DType::f32, {2, 3}, {}}}),
            "input \"x\" is f32[2,3], function \"main\" declares f64[m,3]");
  EXPECT_EQ(error({{DType::f64, {2, 4}, {}}}),
            "input \"x\" is f64[2,4], function \"main\" declares f64[m,3]");
  EXPECT_EQ(error({{DType::f64, {3}, {}}}),
            "input \"x\" is f64[3], function \"main\" declares f64[m,3]");
  EXPECT_EQ(error({{DType::f64, {2, 3}, {1}}}), "input \"x\" has 1 strides for 2 dimensions");
  EXPECT_EQ(error_of([&] { program.function("other"); }),
            "the program has no function \"other\": it has \"main\"");
}

TEST(Package, WhatIsNotValid) {
  const auto error = [](const auto& change) {
    Package package = small_model();
    change(package);
    return error_of([&] { validate(package); });
  };
  EXPECT_EQ(error([](Package&) {}), "no error");
  EXPECT_EQ(error([](Package& p) { p.functions.clear(); }), "a program needs a function");
  EXPECT_EQ(error([](Package& p) { p.functions[1].name = "logp"; }),
            "two of the functions are called \"logp\"");
  EXPECT_EQ(error([](Package& p) { p.functions[0].outputs[0] = ""; }), "output has no name");
  EXPECT_EQ(error([](Package& p) { p.functions[0].outputs.pop_back(); }),
            "function \"logp\": 1 names of outputs, but the graph has 2");
  EXPECT_EQ(error([](Package& p) { p.functions[0].checks->messages.clear(); }),
            "function \"logp\": 0 messages of 1 checks");
  EXPECT_EQ(error([](Package& p) {
              std::swap(p.functions[0].graph.outputs[0], p.functions[0].graph.outputs[2]);
            }),
            "function \"logp\": the last output does not say whether the checks hold");
  EXPECT_EQ(error([](Package& p) { p.functions[0].checks->conditions.outputs = {0}; }),
            "function \"logp\": a check is not a bool[]");
  EXPECT_EQ(error([](Package& p) { p.data[0].second = Tensor::integers({1}); }),
            "data \"y\" is i64[1], function \"logp\" declares f64[n]");
  EXPECT_EQ(error([](Package& p) { p.functions[0].parts[0].shape = {-1}; }),
            "function \"logp\": part \"mean\" has a size that cannot be");
  EXPECT_EQ(error([](Package& p) { p.functions[0].parts[0].shape = {1LL << 40, 1LL << 40}; }),
            "function \"logp\": part \"mean\" has a size that cannot be");
  EXPECT_EQ(error([](Package& p) { p.functions[0].parts[1].shape = {2}; }),
            "function \"logp\": its parts have 3 elements, the vector has 2");
  EXPECT_EQ(error([](Package& p) { p.functions[1].parts.pop_back(); }),
            "function \"expand\": its parts have 2 elements, the vector has 4");
  EXPECT_EQ(error([](Package& p) {
              p = model_of_data();
              p.functions[0].parts.pop_back();
            }),
            "function \"expand_shapes\" does not give a vector of i64 for each part of \"expand\"");
  EXPECT_EQ(
      error([](Package& p) {
        p.functions.push_back(packed("draw",
                                     "graph(%g: u64[]) {\n  %1: u64[], %2: u64[] = random(%g) "
                                     "{distribution = \"copy\", copy = 1}\n  return %2\n}"));
      }),
      "function \"draw\" draws random numbers: a program has no generators");
}

}  // namespace
}  // namespace gemmule
