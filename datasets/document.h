// A text and where it comes from.
#pragma once
#include <string>

namespace plastometer {

struct Document {
  std::string source;
  std::string domain;
  // The independent unit of resampling: a novel, a psalm, a Go package
  // directory. Several documents may share one.
  std::string work;
  std::string id;  // unique within its source
  std::string text;
};

}  // namespace plastometer
