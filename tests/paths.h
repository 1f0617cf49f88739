// Where tests find the tree and what was built from it.
#pragma once
#include <string>

namespace plastometer {

extern const char kSourceFolder[], kBuildFolder[];

// "tests/data/report" -> its path in this tree.
inline std::string SourcePath(const std::string& relative) {
  return std::string(kSourceFolder) + "/" + relative;
}
// "plastometer", "tests/pinned_program" -> the built program.
inline std::string BuiltPath(const std::string& relative) {
  return std::string(kBuildFolder) + "/" + relative;
}

}  // namespace plastometer
