#include "tests/json_instances.h"

namespace nlohmann {

template class basic_json<>;

namespace detail {

template class serializer<json>;
template class lexer<json, FromString>;
template class lexer<json, FromLiteral>;
template class parser<json, FromString>;
template class parser<json, FromLiteral>;
template class json_sax_dom_parser<json>;
template class json_sax_dom_callback_parser<json>;

}  // namespace detail
}  // namespace nlohmann
