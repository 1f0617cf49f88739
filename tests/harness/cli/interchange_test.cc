// The examples of the documents, run as they stand there.
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/zstd_stream.h"
#include "harness/results/token_tables.h"
#include "tests/harness/cli/program.h"
#include "tests/paths.h"

namespace plastometer {
namespace {

// The only block of code in `language` in a document.
std::string CodeBlock(const std::string& document,
                      const std::string& language) {
  const std::string text =
      ReadFile(std::filesystem::path(kSourceFolder) / document);
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

// 25 rows in parts of 10, each with a header; a token that is not scored says
// so.
TEST(Interchange, TokensComeInParts) {
  RunRecord record;
  record.lane = "cpu-portable";
  record.windows = {{"s", "d", "w", "doc", 0, 11, 10, 0, {{1, 3}}},
                    {"s", "d", "v", "doc", 0, 16, 15, 10}};
  record.profiles.emplace_back().name = "odd,name";
  for (int i = 0; i < 25; ++i) record.profiles[0].nll.push_back(i + 0.5);
  TemporaryFolder folder;
  EXPECT_EQ(WriteTokenTables(record, nullptr, folder.path(), "t", 10), 3);
  const auto part = [&](const std::string& name) {
    return ZstdDecompress(ReadFile(folder.path() / name), 1 << 20);
  };
  const std::string header = "window,position,scored,\"nll.odd,name\"\n";
  EXPECT_TRUE(part("t-0000.csv.zst")
                  .starts_with(header + "0,1,1,0.5\n0,2,1,1.5\n0,3,0,2.5\n"));
  EXPECT_TRUE(part("t-0001.csv.zst").starts_with(header + "1,1,1,10.5\n"));
  EXPECT_EQ(part("t-0002.csv.zst"),
            header +
                "1,11,1,20.5\n1,12,1,21.5\n1,13,1,22.5\n1,14,1,23.5\n"
                "1,15,1,24.5\n");
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "t-0003.csv.zst"));
}

}  // namespace
}  // namespace plastometer
