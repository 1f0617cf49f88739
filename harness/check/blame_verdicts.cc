#include "harness/check/blame_verdicts.h"

#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "harness/check/blame.h"
#include "harness/pins/pins.h"

namespace plastometer {
namespace fs = std::filesystem;
namespace {

// "libtorch: 2.11.0 -> 2.12.0", what moved since the golden was made.
std::string MovedText(const Golden& golden, const Golden& candidate) {
  Fingerprint before, now;
  before.numeric = golden.metrics.environment;
  now.numeric = candidate.metrics.environment;
  std::string text;
  for (const std::string& pin : MovedPins(before, now))
    text += (text.empty() ? " (" : ", ") + pin;
  return text.empty() ? " (no recorded pin moved)" : text + ")";
}

// The report of the code that made a golden, rebuilt here, on the same suite.
struct OldCode {
  std::string commit;
  nlohmann::json report;  // check.json
};

OldCode CheckWithOldCode(const BlameRequest& request, const SuiteRun& run,
                         const std::string& code_tree) {
  const fs::path home = HomeFolder(), work = run.folder.File("blame");
  OldCode old;
  old.commit = FindCommitOfCode(home, code_tree).substr(0, 12);
  try {
    const fs::path program = BuildCommit(home, old.commit, work);
    setenv("PLASTOMETER_DATA", DataFolder().c_str(), /*overwrite=*/0);
    // The run folder has it; what --json means was another thing once.
    const fs::path json = work / old.commit / "check.json";
    std::vector<std::string> command = {
        program.string(),
        "check",
        fs::absolute(run.plan.suite_file).string(),
        "--goldens",
        fs::absolute(request.goldens).string(),
        "--out",
        (work / old.commit).string()};
    if (!request.lane.empty()) {
      command.push_back("--lane");
      command.push_back(request.lane);
    }
    const ProcessResult result = RunProcess(command, home);
    if (!fs::exists(json))
      throw InfrastructureError("blame: the old program ended with " +
                                std::to_string(result.exit_code) + ": " +
                                result.output.substr(0, 500));
    old.report = ReadJsonFile(json);
  } catch (...) {
    RemoveCheckout(home, work);
    throw;
  }
  RemoveCheckout(home, work);
  return old;
}

}  // namespace

std::string BlameVerdict(const std::string& commit,
                         const nlohmann::json& check_report,
                         const CheckedCase& c) {
  const std::string who = "commit " + commit + ", which made the golden, ";
  for (const auto& entry : check_report.at("cases")) {
    if (entry.at("case") != c.candidate.pins.name) continue;
    return entry.at("verdict") == "pass"
               ? "CODE-CHANGE: " + who + "still gives it here"
               : "ENV-DRIFT: " + who + "no longer gives it here" +
                     MovedText(*c.golden, c.candidate);
  }
  return "blame: the report of commit " + commit + " has no such case";
}

std::vector<std::string> BlameLines(const BlameRequest& request,
                                    const SuiteRun& run,
                                    const std::vector<CheckedCase>& all) {
  std::map<std::string, std::vector<const CheckedCase*>> by_code;
  for (const CheckedCase& c : all)
    if (c.golden && c.comparison.verdict != Verdict::kPass)
      by_code[c.golden->metrics.code_tree].push_back(&c);
  std::vector<std::string> lines;
  for (const auto& [code_tree, cases] : by_code) {
    std::optional<OldCode> old;
    std::string problem;
    try {
      if (code_tree != run.plan.code_tree)
        old = CheckWithOldCode(request, run, code_tree);
    } catch (const Error& error) {
      problem = error.what();
    }
    for (const CheckedCase* c : cases) {
      const std::string name =
          c->candidate.pins.suite + "/" + c->candidate.pins.name + ": ";
      lines.push_back(name + (old ? BlameVerdict(old->commit, old->report, *c)
                              : !problem.empty()
                                  ? problem
                                  : "ENV-DRIFT: this is the code that made "
                                    "the golden; what differs is the "
                                    "machine or its libraries" +
                                        MovedText(*c->golden, c->candidate)));
    }
  }
  return lines;
}

}  // namespace plastometer
