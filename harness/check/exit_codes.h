// Exit codes of several results at once, and what a pipeline makes of them.
// docs/ci.md lists the codes.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace plastometer {

// The gravest: 70 > 8 > 4 > 5 > 1 > 3 > 6 > 7 > 0. Others count as 70.
int CombineExitCodes(const std::vector<int>& codes);

class Policy {
 public:
  enum class Action { kPass, kFail, kRetry };
  // 0, 6 and 7 pass, all others fail; and so does the third inconclusive run in
  // a row.
  Policy() = default;
  Action ActionOf(int code) const;
  // The code that the program ends with: 0 when the action is to pass, 7 for a
  // retry, else the code itself. `num_inconclusive`: runs of this suite just
  // before this one that ended with 7.
  int Apply(int code, int num_inconclusive = 0) const;

 private:
  friend Policy ParsePolicy(const std::string& text);
  std::map<int, Action> actions_;
  bool given_ = false;
};
// "6=fail,7=retry"; empty: the program ends with the code itself. Throws
// kUsage.
Policy ParsePolicy(const std::string& text);

}  // namespace plastometer
