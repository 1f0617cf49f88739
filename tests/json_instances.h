// Instances of nlohmann::json that every test would compile again: they stand
// in json_instances.cc. Comes with the precompiled header of tests that read
// JSON.
#pragma once
#include <nlohmann/json.hpp>
#include <string>

namespace nlohmann {

extern template class basic_json<>;

namespace detail {

using FromString = iterator_input_adapter<std::string::const_iterator>;
using FromLiteral = iterator_input_adapter<const char*>;
extern template class serializer<json>;
extern template class lexer<json, FromString>;
extern template class lexer<json, FromLiteral>;
extern template class parser<json, FromString>;
extern template class parser<json, FromLiteral>;
extern template class json_sax_dom_parser<json>;
extern template class json_sax_dom_callback_parser<json>;

}  // namespace detail
}  // namespace nlohmann
