// The examples of the documents, run as they stand there.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/harness/cli/program.h"

namespace plastometer {
namespace {

// The only block of code in `language` in a document.
std::string CodeBlock(const std::string& document,
                      const std::string& language) {
  const std::string text =
      ReadFile(std::filesystem::path(PLASTOMETER_SOURCE_FOLDER) / document);
  const std::string fence = "\n```" + language + "\n";
  const size_t begin = text.find(fence);
  if (begin == text.npos || text.find(fence, begin + 1) != text.npos)
    throw std::runtime_error(document + ": not one block of " + language);
  return text.substr(begin + fence.size(),
                     text.find("\n```\n", begin + 1) - begin - fence.size()) +
         "\n";
}

// Numbers of a column of a CSV whose cells hold no comma.
std::vector<double> ColumnOf(const std::string& csv, const std::string& name) {
  std::istringstream lines(csv);
  std::vector<double> values;
  size_t column = std::string::npos;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream cells(line);
    std::string cell;
    for (size_t c = 0; std::getline(cells, cell, ','); ++c) {
      if (column == std::string::npos && cell == name) {
        column = c;
        break;
      }
      if (c == column) values.push_back(std::stod(cell));
    }
  }
  return values;
}

// Debian's python3: the one that python3-numpy is for.
TEST(Interchange, ThePythonExampleFindsTheProgramsNumbers) {
  Workshop workshop;
  ASSERT_EQ(workshop
                .Run("run --model model.safetensors --data text.txt --context "
                     "64 --threads 1 --windows 10 --profiles "
                     "uniform,early:25%,frozen --stats --out r")
                .exit_code,
            0);
  ASSERT_EQ(workshop.Run("report r --out report").exit_code, 0);
  WriteFile(workshop.File("r/example.py"),
            CodeBlock("docs/statistics.md", "python"));
  const std::string command = "cd '" + workshop.File("r").string() +
                              "' && /usr/bin/python3 example.py > printed.txt";
  ASSERT_EQ(std::system(command.c_str()), 0) << "needs python3-numpy, -pandas";
  std::istringstream printed(ReadFile(workshop.File("r/printed.txt")));
  const auto cases =
      nlohmann::json::parse(ReadFile(workshop.File("r/results.json")))
          .at("cases");
  double gain = 0;
  printed >> gain;
  EXPECT_NE(gain, 0);
  EXPECT_NEAR(gain,
              cases[2].at("nll_nats").get<double>() -
                  cases[0].at("nll_nats").get<double>(),
              1e-6);
  const std::vector<double> layers =
      ColumnOf(ReadFile(workshop.File("report/tables/plasticity.csv")),
               "relative_update");
  ASSERT_EQ(layers.size(), 4u);
  for (const double expected : layers) {
    double met = 0;
    printed >> met;
    EXPECT_NEAR(met, expected, 1e-6 * expected);
  }
}

}  // namespace
}  // namespace plastometer
