#include "harness/run/plan.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <map>

#include "base/error.h"

namespace plastometer {
namespace {

// A comma inside "layers:0-4@2,5-23" or "every:1,2" is followed by a digit, and
// no profile's name begins with one.
bool ContinuesRange(const std::string& previous, const std::string& piece) {
  return (previous.starts_with("layers:") || previous.starts_with("every:")) &&
         !piece.empty() &&
         std::isdigit(static_cast<unsigned char>(piece[0])) != 0;
}

std::vector<std::string> Pieces(const std::string& text,
                                const char* separators) {
  std::vector<std::string> pieces;
  size_t begin = 0;
  while (true) {
    const size_t end = text.find_first_of(separators, begin);
    pieces.push_back(
        text.substr(begin, end == std::string::npos ? end : end - begin));
    if (end == std::string::npos) return pieces;
    begin = end + 1;
  }
}

void SplitCommas(const std::string& word, std::vector<std::string>& names) {
  bool first = true;
  for (const std::string& piece : Pieces(word, ",")) {
    if (!first && ContinuesRange(names.back(), piece)) {
      names.back() += "," + piece;
    } else {
      names.push_back(piece);
    }
    first = false;
  }
}

// The entry with the multipliers of `profile`, or the end.
std::vector<PlannedProfile>::iterator Find(
    std::vector<PlannedProfile>& profiles, const Profile& profile) {
  return std::find_if(profiles.begin(), profiles.end(),
                      [&](const PlannedProfile& p) {
                        return p.profile.SameMultipliers(profile);
                      });
}

void AddAsked(std::vector<PlannedProfile>& profiles, Profile profile) {
  const auto same = Find(profiles, profile);
  if (same == profiles.end()) {
    profiles.push_back({std::move(profile), {}, true});
  } else if (same->profile.name() != profile.name() &&
             std::find(same->same_as.begin(), same->same_as.end(),
                       profile.name()) == same->same_as.end()) {
    same->same_as.push_back(profile.name());
  }
}

size_t IndexOf(std::vector<PlannedProfile>& profiles, const Profile& profile) {
  return static_cast<size_t>(Find(profiles, profile) - profiles.begin());
}

}  // namespace

std::vector<std::string> SplitProfileList(
    const std::vector<std::string>& arguments) {
  std::vector<std::string> names;
  for (const std::string& argument : arguments) {
    for (const std::string& word : Pieces(argument, " \t\n")) {
      if (!word.empty()) SplitCommas(word, names);
    }
  }
  for (const std::string& name : names) {
    if (name.empty())
      throw UsageError(
          "--profiles holds an empty name; expected names separated by commas "
          "or spaces");
  }
  return names;
}

ProfilePlan PlanProfiles(const std::vector<std::string>& names,
                         int64_t num_layers) {
  if (names.empty())
    throw UsageError(
        "no profile was asked for; expected at least one, for example "
        "--profiles retina");
  ProfilePlan plan;
  for (const std::string& name : names)
    AddAsked(plan.profiles, Profile::Parse(name, num_layers));
  const Profile uniform = Profile::Parse("uniform", num_layers),
                frozen = Profile::Parse("frozen", num_layers);
  if (Find(plan.profiles, uniform) == plan.profiles.end()) {
    plan.profiles.insert(plan.profiles.begin(),
                         PlannedProfile{uniform, {}, false});
  }
  if (Find(plan.profiles, frozen) == plan.profiles.end())
    plan.profiles.push_back({frozen, {}, false});
  plan.uniform_idx = IndexOf(plan.profiles, uniform);
  plan.frozen_idx = IndexOf(plan.profiles, frozen);
  return plan;
}

std::vector<Batch> PlanBatches(const std::vector<int64_t>& window_tokens,
                               int64_t batch_size) {
  std::map<int64_t, std::vector<size_t>, std::greater<>> by_length;
  for (size_t w = 0; w < window_tokens.size(); ++w)
    by_length[window_tokens[w]].push_back(w);
  std::vector<Batch> batches;
  for (const auto& [num_tokens, windows] : by_length) {
    for (size_t begin = 0; begin < windows.size();
         begin += static_cast<size_t>(batch_size)) {
      const size_t end =
          std::min(windows.size(), begin + static_cast<size_t>(batch_size));
      batches.push_back(
          {{windows.begin() + begin, windows.begin() + end}, num_tokens});
    }
  }
  return batches;
}

}  // namespace plastometer
