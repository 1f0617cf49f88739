// JSON as the store writes it: sorted keys, one value a line, floats twice (the
// bits and a decimal), and a seal over the rest of the file. One value has one
// text: what differs in a file differs in what it says.
#pragma once
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>

namespace plastometer {

// Of every file that golden, plan or journal write.
inline constexpr int64_t kGoldenSchema = 1;

// "0x1.8p+1" and "3": both give back the same bits; 17 digits. "nan", "inf" or
// "-inf" where not finite.
std::string HexFloat(double value);
std::string DecimalFloat(double value);

// {"hex": "0x1.8p+1", "decimal": "3"}, or the string of a non-finite value.
nlohmann::json FloatJson(double value);

// Adds "schema" and "content_sha256" (of the text without that line) to an
// object and writes it. Throws kInvalid when a string is not UTF-8.
std::string SealedText(nlohmann::json object);

// The object in a text that SealedText wrote, without the two keys. Throws
// kInvalid that names `source`: merge-conflict markers with their line, no
// JSON, another schema, changed since it was written, not in the one form.
nlohmann::json ParseSealed(std::string_view text, const std::string& source);

// Takes the fields of one object by name and type; what is missing, of another
// type, or left over is kInvalid with `where` and the key.
class ObjectReader {
 public:
  ObjectReader(const nlohmann::json& object, std::string where);
  std::string String(const char* key);
  int64_t Integer(const char* key);
  double Float(const char* key);
  bool Bool(const char* key);
  const nlohmann::json& Object(const char* key);
  const nlohmann::json& Array(const char* key);
  void Finish() const;

 private:
  const nlohmann::json& Take(const char* key);
  std::string Where(const char* key) const;

  const nlohmann::json& object_;
  std::string where_;
  std::set<std::string> taken_;
};

// One value; `where` names file and key.
int64_t IntegerOf(const nlohmann::json& value, const std::string& where);
double FloatOf(const nlohmann::json& value, const std::string& where);
std::string StringOf(const nlohmann::json& value, const std::string& where);

}  // namespace plastometer
