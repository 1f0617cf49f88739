#include <cmath>

#include "model/profile.h"
#include "tests/fuzz/fuzz_target.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace plastometer;
  // A JSON file, or the text of the command line.
  const std::string_view bytes = fuzz::View(data, size);
  std::string text(bytes);
  if (bytes.starts_with("{")) {
    text = "file:" + fuzz::WriteInput("profile.json", bytes).string();
  } else if (bytes.starts_with("file:")) {
    return 0;  // names a file of this machine
  }
  for (const int64_t num_layers : {1, 4, 24}) {
    fuzz::Try(
        [&] {
          const Profile profile = Profile::Parse(text, num_layers);
          fuzz::Require(profile.num_layers() == num_layers,
                        "one schedule a layer");
          const Controls& controls = profile.controls();
          for (int64_t i = 0; i < num_layers * 8; ++i) {
            const double lambda = profile.Lambda(i / 8, i % 8);
            const bool flipped = controls.eta == Eta::kFlipped;
            fuzz::Require(std::isfinite(lambda) &&
                              (lambda == 0 || (lambda < 0) == flipped),
                          "lambda is finite, and negative when flipped");
          }
          fuzz::Require(
              Profile::Parse("uniform" + controls.ToText(), num_layers)
                      .controls() == controls,
              "controls are read as they are written");
          fuzz::Require(!profile.PlasticLayers().empty(), "layers have a text");
        },
        {ErrorKind::kUsage});
  }
  return 0;
}
