#include "common/telemetry/json_writer.h"

#include <cmath>

#include "common/telemetry/event.h"

namespace bt::telemetry {

void JsonWriter::separate() {
    if (needs_comma_) out_ += ',';
    needs_comma_ = true;
}

JsonWriter& JsonWriter::open(char bracket) {
    separate();
    out_ += bracket;
    needs_comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
    out_ += bracket;
    needs_comma_ = true;
    return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
    string(name);
    out_ += ':';
    needs_comma_ = false;
    return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
    separate();
    std::string quoted;
    append_json_string(quoted, text);
    for (const char c : quoted) {
        if (c == '<') {
            out_ += "\\u003c";
        } else if (c == '>') {
            out_ += "\\u003e";
        } else if (c == '&') {
            out_ += "\\u0026";
        } else {
            out_ += c;
        }
    }
    return *this;
}

JsonWriter& JsonWriter::number(double value) {
    separate();
    if (!std::isfinite(value)) {
        out_ += "null";
        return *this;
    }
    const auto thousandths = static_cast<std::int64_t>(std::llround(value * 1000));
    const std::int64_t size = thousandths < 0 ? -thousandths : thousandths;
    std::string digits = std::to_string(size % 1000);
    digits.insert(0, 3 - digits.size(), '0');
    out_ += (thousandths < 0 ? "-" : "") + std::to_string(size / 1000) + "." + digits;
    return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
    separate();
    out_ += value ? "true" : "false";
    return *this;
}

JsonWriter& JsonWriter::null() {
    separate();
    out_ += "null";
    return *this;
}

}  // namespace bt::telemetry
