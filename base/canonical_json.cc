#include "base/canonical_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "base/canonical_json.h"
#include "base/error.h"
#include "base/json.h"
#include "base/sha256.h"

namespace plastometer {
namespace {

using Json = nlohmann::json;

constexpr char kSchemaKey[] = "schema";
constexpr char kSealKey[] = "content_sha256";

std::optional<std::string> NonFinite(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return std::nullopt;
}

bool IsFloat(const Json& value) {
  return value.is_object() && value.size() == 2 && value.contains("hex") &&
         value.contains("decimal");
}

// One value a line; a float is one value.
void Append(const Json& value, size_t indent, std::string* out) {
  if (IsFloat(value)) {
    *out += "{\"hex\": " + value.at("hex").dump() +
            ", \"decimal\": " + value.at("decimal").dump() + "}";
    return;
  }
  if (!value.is_structured() || value.empty()) {
    *out += value.dump();
    return;
  }
  const std::string margin(indent + 2, ' ');
  const char* separator = "";
  *out += value.is_object() ? "{" : "[";
  for (const auto& [key, item] : value.items()) {
    *out += separator;
    *out += "\n" + margin;
    if (value.is_object()) *out += Json(key).dump() + ": ";
    Append(item, indent + 2, out);
    separator = ",";
  }
  *out += "\n" + std::string(indent, ' ') + (value.is_object() ? "}" : "]");
}

std::string Text(const Json& value) {
  std::string text;
  Append(value, 0, &text);
  return text + "\n";
}

size_t LineOf(std::string_view text, size_t offset) {
  size_t line = 1;
  for (const char c : text.substr(0, offset)) line += c == '\n' ? 1 : 0;
  return line;
}

void RefuseConflictMarkers(std::string_view text, const std::string& source) {
  for (const std::string_view marker : {"<<<<<<< ", "=======\n", ">>>>>>> "}) {
    size_t at = text.find(marker);
    while (at != std::string_view::npos && at > 0 && text[at - 1] != '\n') {
      at = text.find(marker, at + 1);
    }
    if (at == std::string_view::npos) continue;
    throw InvalidError(
        source + ": line " + std::to_string(LineOf(text, at)) +
        " is a merge-conflict marker; take one side whole (git checkout "
        "--ours or --theirs), then accept the case again");
  }
}

void RefuseOtherForm(std::string_view text, std::string_view expected,
                     const std::string& source) {
  if (text == expected) return;
  const auto [met, wanted] =
      std::mismatch(text.begin(), text.end(), expected.begin(), expected.end());
  throw InvalidError(
      source + ": line " +
      std::to_string(LineOf(text, static_cast<size_t>(met - text.begin()))) +
      " is not as this program writes it (order, spaces, or form of a "
      "number); restore the file from git, do not edit it by hand");
}

int64_t SchemaOf(const Json& object, const std::string& source) {
  if (!object.is_object()) {
    throw InvalidError(source + ": not a JSON object");
  }
  if (!object.contains(kSchemaKey)) {
    throw InvalidError(source + ": no \"schema\", expected " +
                       std::to_string(kGoldenSchema));
  }
  return IntegerOf(object.at(kSchemaKey), source + ": schema");
}

std::optional<double> ParseHex(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (!text.starts_with("0x")) return std::nullopt;
  text.remove_prefix(2);
  double value = 0;
  const auto [end, error] = std::from_chars(
      text.data(), text.data() + text.size(), value, std::chars_format::hex);
  if (error != std::errc()) return std::nullopt;
  return negative ? -value : value;
}

// Compared as text: a number has other decimals with the same bits, but only
// one that this program writes.
double FiniteOf(const Json& value, const std::string& where) {
  const std::string hex = StringOf(value.at("hex"), where + ".hex");
  const auto number = ParseHex(hex);
  if (number && value == FloatJson(*number)) return *number;
  throw InvalidError(where + ": hex \"" + hex + "\" and decimal " +
                     value.at("decimal").dump() + " are not one number" +
                     (number ? ", expected \"" + HexFloat(*number) +
                                   "\" and \"" + DecimalFloat(*number) + "\""
                             : ""));
}

std::string TypeText(const Json& value) {
  return std::string("met ") + value.type_name();
}

}  // namespace

std::string HexFloat(double value) {
  if (const auto text = NonFinite(value)) return *text;
  std::array<char, 64> buffer;
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                    std::fabs(value), std::chars_format::hex);
  return std::string(std::signbit(value) ? "-0x" : "0x")
      .append(buffer.data(), end);
}

std::string DecimalFloat(double value) {
  if (const auto text = NonFinite(value)) return *text;
  std::array<char, 64> buffer;
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                    std::chars_format::general, 17);
  return {buffer.data(), end};
}

Json FloatJson(double value) {
  if (const auto text = NonFinite(value)) return *text;
  return {{"hex", HexFloat(value)}, {"decimal", DecimalFloat(value)}};
}

std::string SealedText(Json object) {
  try {
    object[kSchemaKey] = kGoldenSchema;
    object[kSealKey] = Sha256Hex(Text(object));
    return Text(object);
  } catch (const Json::exception& error) {
    throw InvalidError(std::string("cannot be written as JSON: ") +
                       error.what());
  }
}

Json ParseSealed(std::string_view text, const std::string& source) {
  RefuseConflictMarkers(text, source);
  Json object = ParseJson(text, source);
  if (const int64_t schema = SchemaOf(object, source);
      schema != kGoldenSchema) {
    throw InvalidError(source + ": schema " + std::to_string(schema) +
                       ", this program reads schema " +
                       std::to_string(kGoldenSchema) +
                       "; use the version that wrote it");
  }
  object.erase(kSchemaKey);
  const auto seal = object.find(kSealKey);
  const Json met = seal == object.end() ? Json() : *seal;
  object.erase(kSealKey);
  const std::string expected = SealedText(object);
  const Json wanted = ParseJson(expected, source).at(kSealKey);
  if (met != wanted) {
    throw InvalidError(source + ": content_sha256 is " + met.dump() +
                       ", its content has " + wanted.dump() +
                       ": changed after it was written; restore it from git, "
                       "do not edit it by hand");
  }
  RefuseOtherForm(text, expected, source);
  return object;
}

ObjectReader::ObjectReader(const Json& object, std::string where)
    : object_(object), where_(std::move(where)) {
  if (!object_.is_object()) {
    throw InvalidError(where_ + ": " + TypeText(object_) +
                       ", expected an object");
  }
}

std::string ObjectReader::Where(const char* key) const {
  return where_ + ": " + key;
}

const Json& ObjectReader::Take(const char* key) {
  const auto it = object_.find(key);
  if (it == object_.end()) {
    throw InvalidError(where_ + ": no key \"" + key + "\"");
  }
  taken_.insert(key);
  return *it;
}

std::string ObjectReader::String(const char* key) {
  return StringOf(Take(key), Where(key));
}
int64_t ObjectReader::Integer(const char* key) {
  return IntegerOf(Take(key), Where(key));
}
double ObjectReader::Float(const char* key) {
  return FloatOf(Take(key), Where(key));
}

bool ObjectReader::Bool(const char* key) {
  const Json& value = Take(key);
  if (value.is_boolean()) return value.get<bool>();
  throw InvalidError(Where(key) + ": " + TypeText(value) +
                     ", expected true or false");
}

const Json& ObjectReader::Object(const char* key) {
  const Json& value = Take(key);
  if (value.is_object()) return value;
  throw InvalidError(Where(key) + ": " + TypeText(value) +
                     ", expected an object");
}

const Json& ObjectReader::Array(const char* key) {
  const Json& value = Take(key);
  if (value.is_array()) return value;
  throw InvalidError(Where(key) + ": " + TypeText(value) + ", expected a list");
}

void ObjectReader::Finish() const {
  for (const auto& [key, value] : object_.items()) {
    if (!taken_.contains(key)) {
      throw InvalidError(where_ + ": unknown key \"" + key + "\"");
    }
  }
}

int64_t IntegerOf(const Json& value, const std::string& where) {
  const bool fits =
      value.is_number_integer() &&
      (!value.is_number_unsigned() ||
       value.get<uint64_t>() <= uint64_t{std::numeric_limits<int64_t>::max()});
  if (fits) return value.get<int64_t>();
  throw InvalidError(where + ": " + value.dump() +
                     ", expected an integer of 64 bits");
}

double FloatOf(const Json& value, const std::string& where) {
  if (IsFloat(value)) return FiniteOf(value, where);
  if (value == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (value == "inf") return std::numeric_limits<double>::infinity();
  if (value == "-inf") return -std::numeric_limits<double>::infinity();
  throw InvalidError(where + ": " + value.dump() +
                     ", expected {\"hex\": ..., \"decimal\": ...}, \"nan\", "
                     "\"inf\" or \"-inf\"");
}

std::string StringOf(const Json& value, const std::string& where) {
  if (value.is_string()) return value.get<std::string>();
  throw InvalidError(where + ": " + TypeText(value) + ", expected a string");
}

}  // namespace plastometer
