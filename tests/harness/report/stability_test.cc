// RQ2 and the layer map, with planted truths.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "tests/errors.h"
#include "tests/harness/report/planted_drift.h"
#include "tests/harness/report/planted_run.h"

namespace plastometer {
namespace {

using testing::AllOf;
using testing::HasSubstr;

template <class T>
const T* Find(const Page& page, const std::string& id) {
  for (const Block& block : page.blocks)
    if (const auto* found = std::get_if<T>(&block); found && found->id == id)
      return found;
  return nullptr;
}

TEST(Drift, PlantedDriftIsDrawn) {
  ReportRun run = PlantedRun(20);
  run.drift = PlantedDrift(20, 0.5, 0.1, 0.1);
  const Page page = MakeReport({run});
  const std::string& data =
      Find<Figure>(page, "drift-kl")->data.at("drift-kl.csv");
  EXPECT_EQ(data.find("\n0,"), std::string::npos) << "W_0 is not on a log axis";
  EXPECT_THAT(data, HasSubstr("\n64,64,64,0.5"));
  EXPECT_THAT(data, HasSubstr("\n128,128,128,1.0"));
  // KL after the last position over what is gained: 1 / .4, .2 / .39, .2 / .1.
  const Table& per_nat = *Find<Table>(page, "drift-per-nat");
  ASSERT_EQ(per_nat.rows.size(), 3U);
  const double expected[] = {1 / 0.4, 0.2 / 0.39, 0.2 / 0.1};
  for (size_t i = 0; i < 3; ++i)
    EXPECT_NEAR(std::stod(per_nat.rows[i][2].csv[0]), expected[i],
                0.05 * expected[i]);
}

TEST(Drift, WithoutAProbeTheAnswerNamesTheCommand) {
  const Page page = MakeReport({PlantedRun(20)});
  EXPECT_THAT(Find<Answer>(page, "rq2")->sentence,
              HasSubstr("plastometer drift --model planted"));
  EXPECT_THAT(Find<Answer>(page, "rq2-forgetting")->sentence,
              HasSubstr("as suite `context` has them"));
  EXPECT_EQ(Find<Figure>(page, "drift-kl"), nullptr);
}

// Uniform's context is worth .6 and early's .2; something else read in between
// costs uniform .3 and early .05: a half of it, and a quarter.
TEST(Forgetting, PlantedForgettingIsFound) {
  RunRecord record = PlantedRun(20).results.record;
  const std::vector<WindowRecord> own = record.windows;
  for (WindowRecord& w : record.windows) w.condition = "own";
  struct Condition {
    const char* name;
    double cost[4];  // by profile
  };
  const Condition conditions[] = {{"own+other", {0.3, 0.05, 0.2, 0.0}},
                                  {"fresh", {0.6, 0.2, 0.2, 0.1}}};
  for (const auto& [name, cost] : conditions)
    for (const WindowRecord& w : own) {
      WindowRecord other = w;
      other.condition = name;
      other.loss_begin = static_cast<int64_t>(record.profiles[0].nll.size());
      record.windows.push_back(other);
      for (size_t p = 0; p < record.profiles.size(); ++p) {
        ProfileRecord& profile = record.profiles[p];
        for (int64_t t = 0; t < w.num_tokens - 1; ++t)
          profile.nll.push_back(
              profile.nll[static_cast<size_t>(w.loss_begin + t)] + cost[p]);
        profile.counters.push_back(profile.counters[0]);
        profile.window_seconds.push_back(0.01);
      }
    }
  ReportRun run = PlantedRun(20);
  run.results = Summarise(std::move(record));
  const Page page = MakeReport({run});
  const Answer& answer = *Find<Answer>(page, "rq2-forgetting");
  EXPECT_EQ(answer.verdict, "yes") << answer.sentence;
  EXPECT_THAT(answer.sentence, HasSubstr("costs 0.050"));
  const Table& contexts = *Find<Table>(page, "contexts");
  ASSERT_EQ(contexts.rows.size(), 12U);  // three contexts, four profiles
  EXPECT_EQ(contexts.rows[4][1].text, "uniform");
  EXPECT_NEAR(std::stod(contexts.rows[4][4].csv[0]), 0.3, 1e-9);
  EXPECT_NEAR(std::stod(Find<Table>(page, "rq2-forgetting")->rows[0][2].csv[0]),
              0.25 - 0.5, 1e-6);
}

// Two uniform-trained seeds and a model that was trained frozen: post-hoc and
// co-trained rows, each with its planted loss.
TEST(Arms, TheTableHasBothArms) {
  std::vector<ReportRun> runs;
  for (const auto& [profile, seed, lost] : {std::tuple{"uniform", 1, 0.0},
                                            {"uniform", 2, 0.0},
                                            {"frozen", 1, 0.2},
                                            {"frozen", 2, 0.2}}) {
    runs.push_back(PlantedRun(20));
    RunRecord record = runs.back().results.record;
    record.model_sha256 =
        std::string(63, profile[0]) + static_cast<char>('0' + seed);
    record.training = {profile, seed, ""};
    for (ProfileRecord& p : record.profiles)
      for (double& x : p.nll) x += lost;
    runs.back().results = Summarise(std::move(record));
    runs.back().suffix = "-" + std::to_string(runs.size());
  }
  const Page page = MakeReport(runs);
  const Table& table = *Find<Table>(page, "arms");
  std::map<std::string, double> lost;
  for (const auto& row : table.rows)
    lost[row[0].text + " " + row[1].text] = std::stod(row[3].csv[0]);
  EXPECT_NEAR(lost.at("post-hoc early:25%"), 0.01, 0.001);
  EXPECT_NEAR(lost.at("post-hoc frozen"), 0.4, 0.01);
  // Trained frozen and read frozen: .4 of reading, .2 of training.
  EXPECT_NEAR(lost.at("co-trained frozen"), 0.6, 0.01);
}

TEST(LayerMap, IsReadBackAndShown) {
  SensitivityRun measured;
  measured.record = PlantedRun(2).results.record;
  measured.maps = {
      {"alone", {{0.25, 0.2, 0.3, ""}, {-0.5, {}, {}, "few works"}}, {}},
      {"path", {{0.125, 0.1, 0.2, ""}, {{}, {}, {}, "not finite"}}, {}}};
  measured.correlations = {{"alone", "path", {1.0, 0.5, 1.0, ""}}};
  TemporaryFolder folder;
  const auto file = folder.path() / "maps.json";
  WriteFile(file, SensitivityJson(measured));
  ReportRun run = PlantedRun(20);
  run.layer_maps = ReadLayerMaps(file);
  EXPECT_EQ(run.layer_maps->model_sha256, std::string(64, 'a'));
  const Page page = MakeReport({run});
  const Table& table = *Find<Table>(page, "layer-map");
  EXPECT_EQ(table.rows[0][1].text, "0.2500 [0.2000, 0.3000]");
  EXPECT_EQ(table.rows[1][2].text, "not available");
  EXPECT_EQ(Find<Figure>(page, "layer-map")->data.at("layer-map.csv"),
            "layer,alone,alone_low,alone_high,path,path_low,path_high\n"
            "0,0.25,0.2,0.3,0.125,0.1,0.2\n1,-0.5,,,,,\n");
  EXPECT_EQ(Find<Table>(page, "layer-map-correlations")->rows.size(), 1U);
  EXPECT_EQ(Find<Table>(page, "beside")->notes.size(), 0U);
}

TEST(LayerMap, AChangedNumberIsRefused) {
  SensitivityRun measured;
  measured.record = PlantedRun(2).results.record;
  measured.maps = {{"alone", {{0.25, 0.2, 0.3, ""}}, {}}};
  std::string text = SensitivityJson(measured);
  text.replace(text.find("0.25"), 4, "0.27");
  const TemporaryFolder folder;
  const auto file = folder.path() / "maps.json";
  WriteFile(file, text);
  EXPECT_THAT(MessageOf([&] { ReadLayerMaps(file); }),
              AllOf(HasSubstr("maps.json: SHA-256 of what it says is "),
                    HasSubstr("changed since it was written")));
}

// Written before ranges had names: still read, and said so.
TEST(LayerMap, FilesOfSchema1AreNamed) {
  SensitivityRun measured;
  measured.record = PlantedRun(20).results.record;
  measured.maps = {{"alone", {{0.25, 0.2, 0.3, ""}}, {}}};
  auto json = nlohmann::json::parse(SensitivityJson(measured));
  json.erase("schema_version");
  json.erase("content_sha256");
  json["maps"][0]["layers"][0].erase("range");
  TemporaryFolder folder;
  const auto file = folder.path() / "maps.json";
  WriteFile(file, json.dump());
  ReportRun run = PlantedRun(20);
  run.layer_maps = ReadLayerMaps(file);
  EXPECT_EQ(run.layer_maps->maps[0].layers[0].range(), Range::kInterval95);
  const Page page = MakeReport({run});
  EXPECT_THAT(Find<Table>(page, "beside")->notes.at(0),
              HasSubstr("maps.json: schema 1; this program writes 2"));
}

TEST(LayerMap, BadFilesAreNamed) {
  TemporaryFolder folder;
  const auto file = folder.path() / "maps.json";
  const auto error = [&](const std::string& text) -> std::string {
    WriteFile(file, text);
    try {
      ReadLayerMaps(file);
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kInvalid);
      return e.what();
    }
    return "no error";
  };
  EXPECT_THAT(error("{"), HasSubstr("maps.json"));
  EXPECT_THAT(error(R"({"command": "search"})"),
              HasSubstr("expected \"sensitivity\""));
  EXPECT_THAT(error(R"({"command": "sensitivity"})"), HasSubstr("model"));
  EXPECT_THAT(error(R"({"command": "sensitivity", "schema_version": 3})"),
              HasSubstr("maps.json: schema 3; this program writes 2"));
}

}  // namespace
}  // namespace plastometer
