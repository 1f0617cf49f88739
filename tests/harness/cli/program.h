// Runs the program as a user does, on a tiny random model made on the spot.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"

namespace plastometer {

struct Outcome {
  int exit_code = -1;
  std::string out, err;
};

// A folder with model.safetensors (4 layers, bytes), text.txt and
// ids.safetensors; commands run inside it.
class Workshop {
 public:
  Workshop();
  // `arguments` goes through the shell; `before` is put in front ("ulimit -f
  // 8;").
  Outcome Run(const std::string& arguments,
              const std::string& before = "") const;
  std::filesystem::path File(const std::string& name) const {
    return folder_.path() / name;
  }
  // What commands have left in the folder, sorted, without the three files it
  // began with.
  std::vector<std::string> NewEntries() const;

 private:
  TemporaryFolder folder_;
  TemporaryFolder logs_;
};

}  // namespace plastometer
