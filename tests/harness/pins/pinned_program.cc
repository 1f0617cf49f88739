// Pins its environment as `plastometer` does and prints what it then is.
// Usage: pinned_program LANE [ARGUMENT ...]
#include <cstdio>
#include <cstdlib>

#include "base/error.h"
#include "harness/pins/pins.h"

int main(int argc, char** argv) {
  std::printf("start\n");
  std::fflush(stdout);  // exec drops what is buffered
  try {
    const auto pins = plastometer::PinsFor({argv[1]});
    plastometer::ApplyPins(pins, argv);
    for (const auto& pin : pins)
      std::printf("%s=%s\n", pin.variable.c_str(),
                  std::getenv(pin.variable.c_str()));
  } catch (const plastometer::Error& error) {
    std::printf("%s\n", error.what());
    return error.exit_code();
  }
  for (const char* name : {"LC_ALL", "TZ", "PLASTOMETER_PINNED"})
    std::printf("%s=%s\n", name,
                std::getenv(name) == nullptr ? "(none)" : std::getenv(name));
  for (int i = 2; i < argc; ++i) std::printf("argument %s\n", argv[i]);
  return 0;
}
