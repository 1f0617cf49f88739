// Files that somebody else hands in, changed in one place: `report`, `merge`,
// `arms`, `compare`, `--resume` and `replay`, up to where a model would be
// needed, refuse each or say every number as before. Half of the changes have
// their seals made to fit; then a number may be another, as docs/security.md
// says, but nothing may crash, run out of memory or blame itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/safetensors.h"
#include "base/sha256.h"
#include "harness/check/capsule.h"
#include "harness/check/check.h"
#include "harness/pins/pins.h"
#include "harness/report/arms_report.h"
#include "harness/report/compare_report.h"
#include "harness/report/csv_report.h"
#include "harness/report/json_report.h"
#include "harness/report/report.h"
#include "harness/report/table.h"
#include "harness/results/arms.h"
#include "harness/results/compare.h"
#include "harness/results/finished_drift.h"
#include "harness/results/statistics_file.h"
#include "harness/run/continual.h"
#include "harness/run/finished_run.h"
#include "harness/run/run_folder.h"
#include "tests/fuzz/changes.h"
#include "tests/fuzz/run_files.h"

namespace plastometer {
namespace {

namespace fs = std::filesystem;
using fuzz::Random;
using fuzz::RunFiles;

constexpr int kWorks = 4, kSample = 100;
constexpr rlim_t kMostBytes = rlim_t{2} << 30;

const char* WholeTable() { return std::getenv("PLASTOMETER_NUM_MUTATIONS"); }
int NumMutations() {
  return WholeTable() == nullptr ? kSample : std::atoi(WholeTable());
}

// Address sanitizers take the whole address space for themselves.
void LimitMemory() {
#ifndef __SANITIZE_ADDRESS__
  const rlimit limit = {kMostBytes, kMostBytes};
  setrlimit(RLIMIT_AS, &limit);
#endif
}

// The numbers of a text, in order.
std::string Numbers(const std::string& text) {
  std::string numbers;
  for (const char c : text) {
    const bool is_part =
        std::isdigit(static_cast<unsigned char>(c)) != 0 ||
        (c == '.' && !numbers.empty() && numbers.back() != ' ');
    if (is_part)
      numbers += c;
    else if (!numbers.empty() && numbers.back() != ' ')
      numbers += ' ';
  }
  return numbers;
}

template <class T>
std::string BytesOf(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()),
          values.size() * sizeof(T)};
}

// All that was read, or is made of it alone.
std::string Fingerprint(const FinishedRun& run) {
  std::string text = PlanToJson(run.plan);
  for (const RunRecord& record : run.records) {
    text += std::to_string(record.wall_seconds) + ' ' +
            std::to_string(record.peak_memory_bytes);
    for (const std::string& note : record.notes) text += note;
    for (const ProfileRecord& p : record.profiles)
      text += BytesOf(p.nll) + BytesOf(p.correct) + BytesOf(p.counters) +
              BytesOf(p.window_seconds) + BytesOf(p.times);
  }
  return text;
}

std::vector<ComparedRun> Compared(const FinishedRun& run) {
  std::vector<ComparedRun> groups;
  for (size_t g = 0; g < run.records.size(); ++g)
    groups.push_back({"run",
                      run.plan.suite,
                      run.plan.groups[g].name,
                      run.plan.code_tree,
                      run.plan.groups[g].numeric_class,
                      {},
                      run.records[g]});
  return groups;
}

std::vector<ReportRun> ReportRuns(const FinishedRun& finished) {
  std::vector<ReportRun> runs;
  for (size_t g = 0; g < finished.records.size(); ++g) {
    const PlannedGroup& group = finished.plan.groups[g];
    ReportRun run;
    run.name = run.folder = group.name;
    run.suffix = g == 0 ? "" : "-" + std::to_string(g + 1);
    run.suite = finished.plan.suite;
    run.code_tree = finished.plan.code_tree;
    run.numeric_class = group.numeric_class;
    run.num_layers = group.num_layers;
    run.num_heads = group.num_heads;
    run.results = ResultsOf(finished.records[g]);
    runs.push_back(std::move(run));
  }
  return runs;
}

std::string PageText(const std::vector<ReportRun>& runs) {
  const Page page = MakeReport(runs);
  std::string text = MarkdownPage(page, {});
  for (const Block& block : page.blocks)
    if (const auto* figure = std::get_if<Figure>(&block))
      for (const auto& [name, data] : figure->data) text += data;
  return text;
}

// The files as they were made, and what is said of them.
class Planted {
 public:
  Planted()
      : files_(fuzz::PlantedRunFiles(fuzz::PlantedPlan(kWorks, CodeTree()))) {
    WriteAll();
    run_ = ReadFinishedRun(folder());
    FinishedRun prose = run_;
    prose.records.resize(1);
    prose.plan.groups.resize(1);
    prose_ = ReportRuns(prose).front();
  }

  const RunRecord& prose() const { return prose_.results.record; }
  fs::path folder() const { return folder_.path() / "run"; }
  const std::string& file(const std::string& name) const {
    return files_.at(name);
  }
  void WriteAll() const { fuzz::WriteRunFiles(files_, folder()); }
  void Write(const std::string& name, const std::string& content) const {
    fuzz::WriteRunFiles({{name, content}}, folder());
  }

  // `report`, `arms`, `compare`, `run --resume` and `merge`. What was read as
  // before is not said again.
  std::string Run() const {
    const FinishedRun run = ReadFinishedRun(folder());
    MergeAlone();
    std::string& text = said_[Sha256Hex(Fingerprint(run))];
    if (!text.empty()) return text;
    SuiteOfPlan(run.plan);
    const std::vector<ReportRun> runs = ReportRuns(run);
    std::string said =
        PlanText(run.plan) + FirstDifference(run_.plan, run.plan);
    for (const ReportRun& r : runs)
      said += ResultsJson(r.results) + WindowsCsv(r.results) +
              PositionCsv(r.results) + RunTable(r.results, {80, true, ""});
    said += CompareJson(CompareRuns(Compared(run_), Compared(run)));
    std::vector<ArmComparison> arms = CompareArms(run.records);
    DecideTogether(arms);
    return text = said + ArmsJson(arms) + PageText(runs);
  }
  void MergeAlone() const {
    const fs::path file = folder() / kJournalFile;
    NamedJournals journals = {{file.string(), ReadJournal(file)}};
    Collect(ReadPlan(folder()), journals);
    CheckAllShards(journals);
  }
  std::string Statistics() const {
    ReportRun run = prose_;
    const fs::path file = folder() / fuzz::kStatisticsOfProse;
    const RunRecord& record = run.results.record;
    run.learning = ReadLearning(file, record, run.num_layers, run.num_heads);
    run.class_losses =
        ReadClassLosses(file, record, run.num_layers, run.num_heads);
    run.statistics = file.string();
    return PageText({run});
  }
  std::string Drift() const {
    ReportRun run = prose_;
    run.drift = ReadFinishedDrift(folder() / "drift");
    return PageText({run});
  }
  std::string Maps() const {
    ReportRun run = prose_;
    run.layer_maps = ReadLayerMaps(folder() / fuzz::kMapsFile);
    return PageText({run});
  }
  std::string Foreign() const {
    ReportRun run = prose_;
    run.foreign = ReadForeign({folder() / fuzz::kForeignFile});
    return PageText({run});
  }
  std::string ReplayCapsule() const {
    const fs::path file = folder() / fuzz::kCapsuleFile;
    const Capsule capsule = ParseCapsule(ReadFile(file), file.string());
    Golden a, b;
    a.trace = capsule.actual;
    b.trace = capsule.expected;
    const auto divergence = FirstDivergence(a, b);
    return CapsuleJson(capsule) + (divergence ? divergence->text : "");
  }
  std::string Inconclusive() const {
    return std::to_string(NumInconclusive(folder_.path() / "next", "planted"));
  }

 private:
  TemporaryFolder folder_;
  RunFiles files_;
  FinishedRun run_;
  ReportRun prose_;
  mutable std::map<std::string, std::string> said_;
};

using Change = std::string (*)(std::string_view, Random&);
using Seal = std::string (*)(const Planted&, const std::string&);

struct MutatedFile {
  std::string name;  // in the folder
  std::string (Planted::*say)() const;
  Change change;  // of what the file says
  Seal seal;      // makes its hashes fit; null: it has none
};

// Someone who makes a plan's hashes fit makes the journal's too.
std::string SealPlan(const Planted& planted, const std::string& text) {
  const std::string sealed = fuzz::SealedPlan(text);
  try {
    const RunPlan plan = ParsePlan(sealed, "sealed");
    int64_t tokens = 0;
    for (const PlannedGroup& group : plan.groups)
      for (const WindowRecord& w : group.record.windows) tokens += w.num_tokens;
    if (tokens < 100'000) planted.Write(kJournalFile, fuzz::JournalOf(plan));
  } catch (const Error&) {
  }
  return sealed;
}
std::string SealJournal(const Planted&, const std::string& text) {
  return fuzz::SealedJournal(text);
}
std::string SealCapsule(const Planted&, const std::string& text) {
  return fuzz::SealedCapsule(text);
}
std::string SealMaps(const Planted&, const std::string& text) {
  return fuzz::SealedLayerMaps(text);
}
std::string SealStatistics(const Planted& planted, const std::string& bytes) {
  return fuzz::SealedStatistics(bytes, planted.prose());
}
std::string SealAbout(const Planted& planted, const std::string& about) {
  return fuzz::SealedDrift(about, planted.file(fuzz::kDriftPoints));
}
std::string SealPoints(const Planted& planted, const std::string& points) {
  planted.Write(fuzz::kDriftAbout,
                fuzz::SealedDrift(planted.file(fuzz::kDriftAbout), points));
  return points;
}
std::string ChangeText(std::string_view text, Random& random) {
  return fuzz::ChangeBytes(std::string(text), random);
}

const MutatedFile kFiles[] = {
    {kPlanFile, &Planted::Run, fuzz::ChangeJson, SealPlan},
    {kJournalFile, &Planted::Run, fuzz::ChangeJsonLines, SealJournal},
    {fuzz::kResultsOfProse, &Planted::Run, fuzz::ChangeJson, nullptr},
    {fuzz::kStatisticsOfProse, &Planted::Statistics, fuzz::ChangeTensors,
     SealStatistics},
    {fuzz::kDriftAbout, &Planted::Drift, fuzz::ChangeJson, SealAbout},
    {fuzz::kDriftPoints, &Planted::Drift, fuzz::ChangeTensors, SealPoints},
    {fuzz::kMapsFile, &Planted::Maps, fuzz::ChangeJson, SealMaps},
    {fuzz::kForeignFile, &Planted::Foreign, ChangeText, nullptr},
    {fuzz::kCapsuleFile, &Planted::ReplayCapsule, fuzz::ChangeJson,
     SealCapsule},
    {fuzz::kCheckFile, &Planted::Inconclusive, fuzz::ChangeJson, nullptr}};

// A capsule's pins have a seal, the rest has none: its model's hash is checked,
// and what it says is computed again.
bool EveryNumberIsSealed(const MutatedFile& file) {
  return file.seal != nullptr && file.name != fuzz::kCapsuleFile;
}

// Where a JSON text parts from another: "/maps/#/layers".
std::string JsonPlace(std::string_view a, std::string_view b) {
  const auto parse = [](std::string_view text) {
    return nlohmann::json::parse(
        text.substr(std::min(text.find('{'), text.size())), nullptr,
        /*allow_exceptions=*/false);
  };
  const nlohmann::json diff = nlohmann::json::diff(parse(a), parse(b));
  if (diff.empty()) return "form";
  std::string place;
  for (const char c : diff[0]["path"].get<std::string>())
    if (std::isdigit(static_cast<unsigned char>(c)) == 0)
      place += c;
    else if (!place.ends_with('#'))
      place += '#';
  return place;
}

// What was changed, for people.
std::string PlaceOf(const std::string& name, const std::string& good,
                    const std::string& mutant) {
  if (name.ends_with(".json")) return JsonPlace(good, mutant);
  size_t at = 0;
  while (at < good.size() && at < mutant.size() && good[at] == mutant[at]) ++at;
  if (name == kJournalFile) {
    const size_t begin = at == 0 ? 0 : good.rfind('\n', at - 1) + 1;
    const auto line = [&](const std::string& text) {
      return std::string_view(text).substr(begin,
                                           text.find('\n', begin) - begin);
    };
    return JsonPlace(line(good), line(mutant));
  }
  if (!name.ends_with(".safetensors")) return "byte " + std::to_string(at);
  const TemporaryFolder folder;
  fuzz::WriteRunFiles({{"a", good}, {"b", mutant}}, folder.path());
  const SafetensorsFile a(folder.path() / "a"), b(folder.path() / "b");
  for (const auto& [tensor, info] : a.tensors())
    if (!b.Has(tensor) || !std::ranges::equal(a.Bytes(tensor), b.Bytes(tensor)))
      return tensor;
  return "header";
}

// Why an error is no refusal; "": it is one.
std::string WhyNotRefusal(const Error& error, const fs::path& folder) {
  const std::string what = error.what();
  if (error.kind() != ErrorKind::kInvalid &&
      error.kind() != ErrorKind::kRefused)
    return "exit code " + std::to_string(error.exit_code()) + ": " + what;
  if (error.kind() == ErrorKind::kInvalid &&
      what.find(folder.string()) == std::string::npos)
    return "no file is named: " + what;
  return "";
}

struct Tally {
  int refused = 0, harmless = 0, changed = 0;
  std::map<std::string, int> places;  // of what changed a number
};

class FileMutations : public ::testing::TestWithParam<MutatedFile> {
 protected:
  static void SetUpTestSuite() {
    LimitMemory();
    planted_ = std::make_unique<Planted>();
  }
  static void TearDownTestSuite() { planted_.reset(); }

  // Bits, bytes and the end of the file; or what it says. Every second one is
  // sealed, where there is a seal.
  static std::string Mutant(int i, bool seals) {
    const MutatedFile& file = GetParam();
    const std::string& good = planted_->file(file.name);
    Random random(static_cast<uint64_t>(i) + 1);
    const std::string mutant =
        i % 4 < 2 ? fuzz::ChangeBytes(good, random) : file.change(good, random);
    return seals ? file.seal(*planted_, mutant) : mutant;
  }

  static void Try(int i, bool seals, const std::string& before, Tally* tally) {
    const MutatedFile& file = GetParam();
    const std::string mutant = Mutant(i, seals);
    planted_->Write(file.name, mutant);
    try {
      const std::string after = ((*planted_).*file.say)();
      if (after == before || Numbers(after) == Numbers(before)) {
        ++tally->harmless;
        return;
      }
      ++tally->changed;
      EXPECT_TRUE(seals || !EveryNumberIsSealed(file)) << "changed a number";
      if (WholeTable() != nullptr)
        ++tally->places[PlaceOf(file.name, planted_->file(file.name), mutant)];
    } catch (const Error& error) {
      ++tally->refused;
      EXPECT_EQ(WhyNotRefusal(error, planted_->folder()), "");
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }

  static std::unique_ptr<Planted> planted_;
};

std::unique_ptr<Planted> FileMutations::planted_;

TEST_P(FileMutations, AreRefusedOrChangeNoNumber) {
  const MutatedFile& file = GetParam();
  const std::string before = ((*planted_).*file.say)();
  std::array<Tally, 2> tallies;  // as they are, sealed
  for (int i = 0; i < NumMutations(); ++i) {
    SCOPED_TRACE("mutation " + std::to_string(i));
    const bool seals = file.seal != nullptr && i % 2 == 1;
    Try(i, seals, before, &tallies[seals ? 1 : 0]);
    if (seals) planted_->WriteAll();
  }
  planted_->WriteAll();
  for (const Tally& t : tallies) {
    if (t.refused + t.harmless + t.changed == 0) continue;
    std::printf("%-24s %-8s %6d refused %6d harmless %6d changed a number\n",
                file.name.c_str(), &t == &tallies[0] ? "" : "sealed", t.refused,
                t.harmless, t.changed);
    for (const auto& [place, count] : t.places)
      std::printf("    %6d %s\n", count, place.c_str());
  }
}

INSTANTIATE_TEST_SUITE_P(Each, FileMutations, ::testing::ValuesIn(kFiles),
                         [](const auto& file) {
                           std::string name;
                           for (const char c : file.param.name)
                             name += std::isalnum(c) != 0 ? c : '_';
                           return name;
                         });

}  // namespace
}  // namespace plastometer
