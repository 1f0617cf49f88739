#include "harness/report/foreign.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "base/files.h"
#include "base/sha256.h"
#include "harness/report/format.h"
#include "tests/harness/report/planted_run.h"

namespace plastometer {
namespace {

using testing::HasSubstr;

// ReadForeign of one file with this content.
std::vector<ForeignLosses> Read(const std::string& csv) {
  TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "f.csv";
  WriteFile(file, csv);
  return ReadForeign({file});
}

std::string Refusal(const std::string& csv) {
  try {
    Read(csv);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInvalid);
    return error.what();
  }
  return "accepted";
}

TEST(Foreign, ReadsProfilesPositionsAndCosts) {
  const std::string csv =
      "\xEF\xBB\xBFloss,profile,position,flops_per_token,adaptive_state_"
      "bytes\r\n"
      "4,\"a, \"\"b\"\"\",1,2e6,2048\r\n"
      "2,\"a, \"\"b\"\"\",3,,2048\r\n"
      "1,c,1,,\r\n"
      "3,\"a, \"\"b\"\"\",3,2000000,";
  const std::vector<ForeignLosses> profiles = Read(csv);
  ASSERT_EQ(profiles.size(), 2u);
  EXPECT_EQ(profiles[0].profile, "a, \"b\"");
  EXPECT_EQ(profiles[0].sha256, Sha256Hex(csv));
  EXPECT_EQ(profiles[0].num_rows(), 3);
  EXPECT_EQ(profiles[0].MeanLoss(), 3);
  EXPECT_EQ(profiles[0].MeanLoss(3, 4), 2.5);
  EXPECT_TRUE(std::isnan(profiles[0].MeanLoss(2, 3)));
  EXPECT_EQ(profiles[0].costs.at("flops"), 2);  // MFLOPs
  EXPECT_EQ(profiles[0].costs.at("adaptive_state_bytes"), 2);
  EXPECT_EQ(profiles[1].profile, "c");
  EXPECT_TRUE(profiles[1].costs.empty());
}

TEST(Foreign, BadInputIsNamedByLineColumnAndValue) {
  const std::string header = "profile,position,loss,flops_per_token\n";
  const std::pair<std::string, const char*> cases[] = {
      {"", "line 1, the header"},
      {"profile,position\na,1\n", "line 1, the header has no column loss"},
      {"profile,position,loss,cost\n", "line 1, column 4: 'cost', expected "},
      {"profile,position,loss,loss\n", "line 1, column 4: 'loss', expected "},
      {header, "line 2, after the header: '', expected a row"},
      {header + "a,1,2,3\na,1,2\n", "line 3, the row: '3 cells', expected 4"},
      {header + ",1,2,3\n", "line 2, column profile: '', expected a name"},
      {header + "a,0,2,3\n", "line 2, column position: '0', expected a whole"},
      {header + "a,1.5,2,3\n", "line 2, column position: '1.5'"},
      {header + "a,1,,3\n", "line 2, column loss: '', expected nats"},
      {header + "a,1,nan,3\n", "line 2, column loss: 'nan'"},
      {header + "a,1,-1,3\n", "line 2, column loss: '-1'"},
      {header + "a,1,2 ,3\n", "line 2, column loss: '2 '"},
      {header + "a,1,2,-3\n", "line 2, column flops_per_token: '-3'"},
      {header + "a,1,2,3\na,2,2,4\n",
       "line 3, column flops_per_token: '4', expected the same"},
      {header + "\"a\nb\",1,2,3\nc,1,x,3\n",
       "line 2, column profile: 'a\\nb', expected a name that can be"},
      {header + "\"a,1,2,3\n", "line 2, a quoted cell"},
      {header + "\"a\"b,1,2,3\n", "line 2, after a quoted cell"}};
  for (const auto& [csv, expected] : cases)
    EXPECT_THAT(Refusal(csv), HasSubstr(std::string("f.csv, ") + expected))
        << csv;
}

TEST(Foreign, AProfileComesFromOneFile) {
  TemporaryFolder folder;
  for (const char* name : {"1.csv", "2.csv"})
    WriteFile(folder.path() / name, "profile,position,loss\na,1,2\n");
  EXPECT_THROW(ReadForeign({folder.path() / "1.csv", folder.path() / "2.csv"}),
               Error);
}

TEST(Foreign, IsDrawnAndDecidesNothing) {
  const Page before = MakeReport({PlantedRun(20)});
  ReportRun run = PlantedRun(20);
  // Better and cheaper than everything of the run.
  ForeignLosses foreign{"elsewhere", "f.csv", std::string(64, 'e'), {}, {}};
  for (int64_t t = 1; t <= 256; ++t) foreign.by_position[t] = {2.0, 2};
  foreign.costs["flops"] = 1e-6;
  run.foreign = {foreign};
  const Page page = MakeReport({run});
  int num_with_file = 0;
  for (const Block& block : page.blocks) {
    const auto* figure = std::get_if<Figure>(&block);
    if (!figure || !figure->data.count(figure->id + "-foreign.csv")) continue;
    ++num_with_file;
    EXPECT_THAT(figure->plot, HasSubstr("'elsewhere (foreign)'"));
    EXPECT_THAT(figure->plot, HasSubstr("dt '-'"));
    const std::string& csv = figure->data.at(figure->id + "-foreign.csv");
    EXPECT_THAT(csv,
                HasSubstr(figure->id == "pareto-flops" ? "\nelsewhere,1e-06,"
                          : figure->id == "adaptation-cumulative"
                              ? "\n256," + CsvNumber(std::exp(1.0)) + "\n"
                              : ",1,8,"));
  }
  EXPECT_EQ(num_with_file, 3);  // no other cost is known
  const auto unchanged = [](const Page& p) {
    std::string text;
    for (const Block& block : p.blocks) {
      if (const auto* a = std::get_if<Answer>(&block))
        text += a->verdict + a->sentence;
      const auto* t = std::get_if<Table>(&block);
      if (t && t->id != "foreign") text += TableCsv(*t);
      const auto* f = std::get_if<Figure>(&block);
      if (f && f->data.count(f->id + ".csv"))
        text += f->data.at(f->id + ".csv");
    }
    return text;
  };
  EXPECT_EQ(unchanged(page), unchanged(before));
}

}  // namespace
}  // namespace plastometer
