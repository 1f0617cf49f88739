#include "base/json.h"

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/files.h"

namespace plastometer {
namespace {

constexpr int kMaxDepth = 64;

// The library keeps the last of two equal keys silently; this sees both.
class KeyChecker {
 public:
  explicit KeyChecker(const std::string& source) : source_(source) {}

  bool operator()(int depth, nlohmann::json::parse_event_t event,
                  nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > kMaxDepth) {
      throw InvalidError(source_ + ": JSON nested deeper than " +
                         std::to_string(kMaxDepth) + " levels");
    }
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second) {
        throw InvalidError(source_ + ": JSON key \"" + key +
                           "\" appears twice in one object");
      }
    }
    return true;
  }

 private:
  const std::string& source_;
  std::vector<std::set<std::string>> keys_;
};

}  // namespace

nlohmann::json ParseJson(std::string_view text, const std::string& source) {
  KeyChecker checker(source);
  try {
    return nlohmann::json::parse(
        text, [&checker](int depth, nlohmann::json::parse_event_t event,
                         nlohmann::json& parsed) {
          return checker(depth, event, parsed);
        });
  } catch (const nlohmann::json::exception& error) {
    throw InvalidError(source + ": not valid JSON: " + error.what());
  }
}

nlohmann::json ReadJsonFile(const std::filesystem::path& path,
                            uint64_t max_bytes) {
  return ParseJson(ReadFile(path, max_bytes), path.string());
}

}  // namespace plastometer
