// Whatever text is given: a graph that verifies and can be printed and parsed again, or a
// UserError.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>

#include "ir/text_fuzz.h"
#include "ir/verify.h"

namespace gemmule {
namespace {

// "" when all is well, else what is not.
std::string complaint(const std::string& text) {
  Graph graph;
  try {
    graph = parse_graph(text);
  } catch (const UserError& error) {
    const std::string what = error.what();
    if (what.find("This is a bug") != std::string::npos) return "an error of ours: " + what;
    if (what.rfind("line ", 0) != 0) return "an error without a line: " + what;
    return "";
  } catch (const std::exception& error) {
    return std::string("not a UserError: ") + error.what();
  }
  try {
    verify(graph);
    const std::string printed = to_text(graph);
    const std::string again = to_text(parse_graph(printed));
    if (again != printed)
      return "printed, parsed and printed again:\n" + printed + "becomes\n" + again;
  } catch (const std::exception& error) {
    return std::string("parsed, and then: ") + error.what();
  }
  return "";
}

class ParseFuzz : public testing::Test {
 protected:
  ParseFuzz() : random_(fuzz::seed()) {
    std::cout << "GEMMULE_FUZZ_SEED=" << fuzz::seed() << "\n";
    programs_ = fuzz::corpus();
    for (const auto& [name, text] : programs_) texts_.push_back(text);
  }

  fuzz::Random random_;
  std::map<std::string, std::string> programs_;
  std::vector<std::string> texts_;
};

TEST_F(ParseFuzz, EveryOpHasAProgram) {
  // Chance finds none for these, and none is written yet.
  const std::vector<std::string> without = {"solve_tridiagonal", "schur", "qz", "scalar_loop",
                                            "random"};
  std::vector<std::string> missing;
  for (int op = 0; op < kOpCount; ++op) {
    const std::string name(info(static_cast<Op>(op)).name);
    if (!programs_.contains(name) &&
        std::find(without.begin(), without.end(), name) == without.end()) {
      missing.push_back(name);
    }
  }
  EXPECT_THAT(missing, testing::ElementsAre())
      << "add a program to written_programs() of ir/text_fuzz.h";
  for (const auto& [name, text] : programs_) EXPECT_EQ(complaint(text), "") << text;
}

TEST_F(ParseFuzz, NearlyValidText) {
  int accepted = 0;
  for (const auto& [name, text] : programs_) {
    for (int i = 0; i < 150; ++i) {
      const std::string changed = fuzz::mutated(text, texts_, random_);
      ASSERT_EQ(complaint(changed), "") << changed;
      try {
        parse_graph(changed);
        ++accepted;
      } catch (const UserError&) {
      }
    }
  }
  EXPECT_GT(accepted, 500);  // some are valid: what comes after the parser is reached too
}

TEST_F(ParseFuzz, TextThatEndsEarly) {
  for (const std::string& text : texts_) {
    for (std::size_t end = 0; end < text.size(); end += 1 + fuzz::below(random_, 4)) {
      ASSERT_EQ(complaint(text.substr(0, end)), "") << text.substr(0, end);
    }
  }
}

TEST_F(ParseFuzz, Noise) {
  for (int i = 0; i < 5000; ++i) {
    const std::string text = fuzz::noise(random_);
    ASSERT_EQ(complaint(text), "") << text;
  }
}

TEST(Parse, AttributesOfTheWrongKindAreNamed) {
  const auto error_of = [](const std::string& attributes) -> std::string {
    try {
      parse_graph("graph(%x: f64[2]) {\n  %1: f64[] = reduce_max(%x)" + attributes +
                  "\n  return %1\n}");
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(error_of(""), "line 2, column 3: [reduce_max] attribute 'axes' is missing");
  EXPECT_EQ(error_of(" {axes = 0}"),
            "line 2, column 3: [reduce_max] attribute 'axes' is of the wrong kind");
}

}  // namespace
}  // namespace gemmule
