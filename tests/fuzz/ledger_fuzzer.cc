#include "harness/golden/ledger.h"
#include "tests/fuzz/sealed_input.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  fuzz::CheckSealed(
      fuzz::View(data, size),
      [](std::string_view text) { return ParseLedger(text, "input"); },
      LedgerJson);
  return 0;
}
