#include "harness/results/record.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"

namespace plastometer {

void CheckNames(const RunRecord& record, const std::string& where) {
  const auto check = [&](const std::string& name, const char* what) {
    CheckName(name, where + ": the " + what);
  };
  check(record.version, "version");
  check(record.started_utc, "start");
  check(record.model_name, "model");
  check(record.model_path, "model file");
  check(record.tokenizer_name, "tokenizer");
  check(record.data_name, "data");
  check(record.training.profile, "profile that it was trained under");
  for (const std::string& note : record.notes) check(note, "note");
  for (const ProfileRecord& profile : record.profiles) {
    check(profile.name, "profile");
    check(profile.plastic_layers, "plastic layers");
    for (const std::string& name : profile.same_as) check(name, "profile");
  }
  for (const WindowRecord& window : record.windows) {
    check(window.source, "source");
    check(window.domain, "domain");
    check(window.work, "work");
    check(window.document, "document");
    check(window.condition, "condition");
    if (window.domain == kAllText)
      throw InvalidError(where + ": document " + window.document +
                         " is of domain '" + window.domain +
                         "', the name of all text together; expected another");
  }
}

std::optional<size_t> FindProfile(const RunRecord& record,
                                  std::string_view name) {
  for (size_t p = 0; p < record.profiles.size(); ++p) {
    const ProfileRecord& profile = record.profiles[p];
    if (profile.name == name ||
        std::ranges::find(profile.same_as, name) != profile.same_as.end())
      return p;
  }
  return std::nullopt;
}

bool ProfileRecord::is_control() const {
  return controls.find(";eta=") != std::string::npos ||
         controls.find(";reset") != std::string::npos;
}

std::vector<size_t> Candidates(const RunRecord& record) {
  std::vector<size_t> candidates;
  for (size_t p = 0; p < record.profiles.size(); ++p)
    if (!record.profiles[p].is_control()) candidates.push_back(p);
  return candidates;
}

int64_t WindowRecord::num_scored() const {
  int64_t count = scored.empty() ? num_tokens - 1 : 0;
  for (const auto& [begin, end] : scored) count += end - begin;
  return count;
}

double WindowSum(const ProfileRecord& profile, const WindowRecord& window) {
  double sum = 0;
  ForEachScored(window, [&](int64_t t) {
    sum += profile.nll[window.loss_begin + t - 1];
  });
  return sum;
}

}  // namespace plastometer
