// A small run folder, and what joins it in a report, as the program writes
// them: made without a model, losses planted. Seals are made to fit any
// content, so that what lies behind them is reached.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "harness/run/run_plan.h"

namespace plastometer::fuzz {

// Two groups: "prose" (text, with statistics) and "task" (generated, with exact
// losses); four profiles; `num_works` windows each.
// Counters are held to the formulas where the code is this program's own.
RunPlan PlantedPlan(int num_works,
                    const std::string& code_tree = std::string(40, 'd'));
// A journal with a planted loss for each token of the plan, and its traces.
std::string JournalOf(const RunPlan& plan);

// File name in the folder -> content: plan.json, journal.jsonl, results.json
// and stats.safetensors of the groups, drift/, maps.json, foreign.csv,
// capsule.json and, as of another run, check.json.
using RunFiles = std::map<std::string, std::string>;
RunFiles PlantedRunFiles(const RunPlan& plan);
void WriteRunFiles(const RunFiles& files, const std::filesystem::path& folder);

inline constexpr char kMapsFile[] = "maps.json", kForeignFile[] = "foreign.csv",
                      kCapsuleFile[] = "capsule.json",
                      kCheckFile[] = "check.json",
                      kStatisticsOfProse[] = "prose/stats.safetensors",
                      kResultsOfProse[] = "prose/results.json",
                      kDriftAbout[] = "drift/drift.json",
                      kDriftPoints[] = "drift/drift.safetensors";

// The text with all of its hashes made to fit its content; as it is where it is
// no JSON.
std::string SealedPlan(std::string_view text);
std::string SealedCapsule(std::string_view text);
std::string SealedJournal(std::string_view text);
std::string SealedLayerMaps(std::string_view text);
// Of statistics of `record` alone: others are left as they are.
std::string SealedStatistics(std::string_view bytes, const RunRecord& record);
std::string SealedDrift(std::string_view about, std::string_view points);

}  // namespace plastometer::fuzz
