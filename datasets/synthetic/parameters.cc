#include "datasets/synthetic/parameters.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"

namespace plastometer::synthetic {

namespace {

constexpr uint64_t kMaxFractionPart = uint64_t{1} << 20;

bool IsFractionPart(const nlohmann::json& v) {
  return v.is_number_unsigned() && v.get<uint64_t>() <= kMaxFractionPart;
}

}  // namespace

Parameters::Parameters(std::string task, const nlohmann::json& given)
    : task_(std::move(task)),
      given_(std::make_shared<const nlohmann::json>(given)),
      complete_(std::make_shared<nlohmann::json>(nlohmann::json::object())) {
  Require(given.is_object(), "parameters are " + given.dump() +
                                 "; an object such as {\"states\": 8} is "
                                 "expected");
}

int64_t Parameters::Integer(const std::string& key, int64_t fallback,
                            int64_t low, int64_t high) {
  const nlohmann::json value = given_->value(key, nlohmann::json(fallback));
  const bool fits = value.is_number_integer() && value >= nlohmann::json(low) &&
                    value <= nlohmann::json(high);
  Require(fits, key + " is " + value.dump() + "; an integer from " +
                    std::to_string(low) + " to " + std::to_string(high) +
                    " is expected");
  (*complete_)[key] = value.get<int64_t>();
  return value.get<int64_t>();
}

Fraction Parameters::Ratio(const std::string& key, Fraction fallback) {
  const nlohmann::json value =
      given_->value(key, nlohmann::json::array({fallback.num, fallback.den}));
  const bool fits = value.is_array() && value.size() == 2 &&
                    IsFractionPart(value[0]) && IsFractionPart(value[1]) &&
                    value[1].get<uint64_t>() >= 1;
  Require(fits, key + " is " + value.dump() +
                    "; [numerator, denominator] of integers up to 2^20 is "
                    "expected, for example [1, 64]");
  (*complete_)[key] = value;
  return {value[0].get<uint64_t>(), value[1].get<uint64_t>()};
}

void Parameters::Require(bool holds, const std::string& what) const {
  if (!holds) throw UsageError("task " + task_ + ": " + what);
}

std::shared_ptr<const nlohmann::json> Parameters::Complete() const {
  for (const auto& [key, value] : given_->items()) {
    std::string known;
    for (const auto& [name, unused] : complete_->items())
      known += (known.empty() ? "" : ", ") + name;
    Require(complete_->contains(key),
            "unknown parameter " + key + "; it takes " + known);
  }
  return complete_;
}

}  // namespace plastometer::synthetic
