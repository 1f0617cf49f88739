#include "harness/check/exit_codes.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <sstream>

#include "base/error.h"

namespace plastometer {
namespace {

constexpr int kGravestFirst[] = {70, 8, 4, 5, 1, 3, 6, 7, 0};

int Rank(int code) {
  const auto* at =
      std::find(std::begin(kGravestFirst), std::end(kGravestFirst), code);
  return at == std::end(kGravestFirst)
             ? 0
             : static_cast<int>(at - std::begin(kGravestFirst));
}

}  // namespace

int CombineExitCodes(const std::vector<int>& codes) {
  int gravest = static_cast<int>(std::size(kGravestFirst)) - 1;
  for (const int code : codes) gravest = std::min(gravest, Rank(code));
  return kGravestFirst[gravest];
}

Policy::Action Policy::ActionOf(int code) const {
  if (const auto found = actions_.find(code); found != actions_.end())
    return found->second;
  return code == 0 || code == 6 || code == 7 ? Action::kPass : Action::kFail;
}

int Policy::Apply(int code, int num_inconclusive) const {
  if (!given_) return code;
  if (code == 7 && !actions_.contains(7) && num_inconclusive >= 2) return code;
  switch (ActionOf(code)) {
    case Action::kPass:
      return 0;
    case Action::kRetry:
      return 7;
    case Action::kFail:
      return code == 0 ? 1 : code;
  }
  return code;
}

Policy ParsePolicy(const std::string& text) {
  Policy policy;
  policy.given_ = !text.empty();
  std::istringstream pieces(text == "default" ? "" : text);
  for (std::string piece; std::getline(pieces, piece, ',');) {
    const size_t equals = piece.find('=');
    const std::string action =
        equals == std::string::npos ? "" : piece.substr(equals + 1);
    int code = -1;
    const char* end = piece.data() + std::min(equals, piece.size());
    const auto number = std::from_chars(piece.data(), end, code);
    const bool known =
        number.ptr == end &&
        std::find(std::begin(kGravestFirst), std::end(kGravestFirst), code) !=
            std::end(kGravestFirst);
    if (!known || (action != "pass" && action != "fail" && action != "retry"))
      throw UsageError("--policy: '" + piece +
                       "'; expected CODE=pass, fail or retry with CODE one of "
                       "0, 1, 3, 4, 5, 6, 7, 8, 70, or \"default\"");
    const auto meant = action == "pass"   ? Policy::Action::kPass
                       : action == "fail" ? Policy::Action::kFail
                                          : Policy::Action::kRetry;
    if (!policy.actions_.emplace(code, meant).second)
      throw UsageError("--policy: code " + std::to_string(code) +
                       " comes twice; say once what it means");
  }
  return policy;
}

}  // namespace plastometer
