#include "base/json.h"

#include <nlohmann/json.hpp>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"

namespace plastometer {
namespace {

constexpr int kMaxDepth = 64;

// The library keeps the last of two equal keys silently; this sees both, in
// time that grows with the text alone (the library's own callback looks through
// a parent's members at the end of each child). What is no JSON is left to the
// library's words.
class KeyChecker final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit KeyChecker(const std::string& source) : source_(source) {}

  bool start_object(size_t) override {
    keys_.emplace_back();
    return Enter();
  }
  bool end_object() override {
    keys_.pop_back();
    return Leave();
  }
  bool start_array(size_t) override { return Enter(); }
  bool end_array() override { return Leave(); }
  bool key(std::string& key) override {
    if (!keys_.back().insert(key).second)
      throw InvalidError(source_ + ": JSON key \"" + key +
                         "\" appears twice in one object");
    return true;
  }
  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(number_integer_t) override { return true; }
  bool number_unsigned(number_unsigned_t) override { return true; }
  bool number_float(number_float_t, const std::string&) override {
    return true;
  }
  bool string(std::string&) override { return true; }
  bool binary(binary_t&) override { return true; }
  bool parse_error(size_t, const std::string&,
                   const nlohmann::json::exception&) override {
    return false;
  }

 private:
  bool Enter() {
    if (++depth_ > kMaxDepth)
      throw InvalidError(source_ + ": JSON nested deeper than " +
                         std::to_string(kMaxDepth) + " levels");
    return true;
  }
  bool Leave() {
    --depth_;
    return true;
  }

  const std::string& source_;
  int depth_ = 0;
  std::vector<std::unordered_set<std::string>> keys_;
};

}  // namespace

nlohmann::json ParseJson(std::string_view text, const std::string& source) {
  KeyChecker checker(source);
  try {
    nlohmann::json::sax_parse(text, &checker);
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception& error) {
    throw InvalidError(source + ": not valid JSON: " + error.what());
  }
}

void CheckTexts(const nlohmann::json& json, const std::string& source) {
  if (json.is_string())
    CheckName(json.get_ref<const std::string&>(), source + ": the text");
  if (!json.is_structured()) return;
  for (const auto& [key, value] : json.items()) {
    if (json.is_object()) CheckName(key, source + ": the key");
    CheckTexts(value, source);
  }
}

std::string ShownJson(const nlohmann::json& value) {
  constexpr size_t kLetters = 60;
  const std::string text = value.dump(-1, ' ', /*ensure_ascii=*/true,
                                      nlohmann::json::error_handler_t::replace);
  return text.size() > kLetters ? text.substr(0, kLetters) + "..." : text;
}

nlohmann::json ReadJsonFile(const std::filesystem::path& path,
                            uint64_t max_bytes) {
  return ParseJson(ReadFile(path, max_bytes), path.string());
}

}  // namespace plastometer
