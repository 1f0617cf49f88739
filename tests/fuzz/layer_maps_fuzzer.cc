// The file of `plastometer sensitivity --out`, up to the report's section.
#include "harness/report/sections/sections.h"
#include "harness/report/sensitivity_report.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/fuzz/run_files.h"

namespace plastometer {
namespace {

void Check(std::string_view text) {
  const auto path = fuzz::WriteInput("maps.json", text);
  fuzz::Try([&] {
    ReportRun run;
    run.layer_maps = ReadLayerMaps(path);
    Page page;
    AddLayerMap(run, page);
    fuzz::Require(page.blocks.size() == 4, "a heading, a figure, two tables");
    MarkdownPage(page, {});
  });
}

}  // namespace
}  // namespace plastometer

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  Check(fuzz::View(data, size));
  Check(fuzz::SealedLayerMaps(fuzz::View(data, size)));
  return 0;
}
