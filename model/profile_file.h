// A profile as a file: {"layers": [...]}, one entry a layer, a number or an
// object (docs/profiles.md). And the checks that it shares with the grammar.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "model/profile.h"

namespace plastometer {

// Throws kUsage: "profile 'NAME': what".
[[noreturn]] void FailProfile(const std::string& profile,
                              const std::string& what);
// A multiple of 16 >= 0; a period >= 1. Throw as FailProfile.
void CheckUntil(const std::string& profile, int64_t until);
void CheckEvery(const std::string& profile, int64_t every);

// Throws as FailProfile where the file is no JSON, holds another number of
// layers, an unknown key or a value of another type; kInvalid where it cannot
// be read or is larger than 16 MiB.
std::vector<LayerSchedule> ReadProfileFile(const std::string& profile,
                                           const std::string& path,
                                           int64_t num_layers);

}  // namespace plastometer
