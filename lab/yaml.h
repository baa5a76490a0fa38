#pragma once

// YAML as people write it, from JSON: block style; every string that is not a key is quoted, so that none can be taken
// for a number, a boolean or anything else; texts of several lines stand as they are. Only what JSON can say. Pure.

#include <string>
#include <string_view>

namespace bt::lab {

// `json` is valid JSON, as our own serializer wrote it. Ends with a line break.
[[nodiscard]] std::string yaml_from_json(std::string_view json);

}  // namespace bt::lab
