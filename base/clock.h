// Wall-clock time as text.
#pragma once
#include <string>

namespace plastometer {

// Now, in UTC, as strftime writes it: "2026-01-31T23:59:59Z".
std::string UtcNow(const char* format = "%Y-%m-%dT%H:%M:%SZ");

}  // namespace plastometer
