#include "harness/run/journal.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/run_files.h"

namespace plastometer {
namespace {

void Check(std::string_view bytes) {
  fuzz::Try([&] {
    const Journal journal = ParseJournal(bytes, "input");
    fuzz::Require(journal.valid_bytes <= bytes.size(),
                  "the valid part is a part");
    std::string again = JournalLine(journal.header);
    for (const JournalUnit& unit : journal.units) again += JournalLine(unit);
    for (const auto& trace : journal.traces) again += JournalLine(trace);
    const Journal reread = ParseJournal(again, "written again");
    fuzz::Require(reread.header == journal.header &&
                      reread.units.size() == journal.units.size() &&
                      reread.traces.size() == journal.traces.size(),
                  "what was read can be written and read");
  });
}

}  // namespace
}  // namespace plastometer

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  Check(fuzz::View(data, size));
  Check(fuzz::SealedJournal(fuzz::View(data, size)));
  return 0;
}
