// Parameters of a task: every key known, every value in its range, defaults
// filled in.
#pragma once
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "datasets/synthetic/draw.h"

namespace plastometer::synthetic {

class Parameters {
 public:
  // Throws kUsage when `given` is not an object.
  Parameters(std::string task, const nlohmann::json& given);

  // Throw kUsage: not of the type, out of [low, high].
  int64_t Integer(const std::string& key, int64_t fallback, int64_t low,
                  int64_t high);
  // [numerator, denominator], both at most 2^20, the denominator >= 1.
  Fraction Ratio(const std::string& key, Fraction fallback);
  // Throws kUsage: an inadmissible combination of values.
  void Require(bool holds, const std::string& what) const;
  // Every value that was asked for. Throws kUsage when a key is left over.
  std::shared_ptr<const nlohmann::json> Complete() const;

 private:
  std::string task_;
  std::shared_ptr<const nlohmann::json> given_;
  std::shared_ptr<nlohmann::json> complete_;
};

}  // namespace plastometer::synthetic
