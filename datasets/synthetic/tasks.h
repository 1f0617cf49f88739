// The tasks by name; private to this folder.
#pragma once
#include <memory>

#include "datasets/synthetic/synthetic.h"

namespace plastometer::synthetic {

using TaskPtr = std::unique_ptr<SyntheticTask>;

TaskPtr MakeChains(const nlohmann::json& parameters, uint64_t seed);
TaskPtr MakeLibrary(const nlohmann::json& parameters, uint64_t seed);
TaskPtr MakeSwitching(const nlohmann::json& parameters, uint64_t seed);
TaskPtr MakeForgetting(const nlohmann::json& parameters, uint64_t seed);
TaskPtr MakeMqar(const nlohmann::json& parameters, uint64_t seed);
TaskPtr MakeForgettingMqar(const nlohmann::json& parameters, uint64_t seed);
TaskPtr MakeInduction(const nlohmann::json& parameters, uint64_t seed);
TaskPtr MakeSelectiveCopy(const nlohmann::json& parameters, uint64_t seed);
TaskPtr MakeRegular(const nlohmann::json& parameters, uint64_t seed);
TaskPtr MakeLanguage(const nlohmann::json& parameters, uint64_t seed);

}  // namespace plastometer::synthetic
