#include "common/telemetry/event.h"

#include <charconv>
#include <cmath>
#include <cstdio>

#include "common/base/encoding.h"

namespace bt::telemetry {
namespace {

template <class Integer>
void append_integer(std::string& out, Integer value) {
    char text[24];
    const auto result = std::to_chars(text, text + sizeof text, value);
    out.append(text, result.ptr);
}

}  // namespace

void append_field_value(std::string& out, const Field& field) {
    if (const auto* i = std::get_if<std::int64_t>(&field.value)) {
        append_integer(out, *i);
    } else if (const auto* u = std::get_if<std::uint64_t>(&field.value)) {
        append_integer(out, *u);
    } else if (const auto* d = std::get_if<double>(&field.value)) {
        char text[40];
        std::snprintf(text, sizeof text, "%.6g", std::isfinite(*d) ? *d : 0.0);
        out += text;
    } else if (const auto* b = std::get_if<bool>(&field.value)) {
        out += *b ? "true" : "false";
    } else {
        append_json_string(out, std::get<std::string_view>(field.value));
    }
}

namespace {

// Length of the well-formed UTF-8 sequence at the start of text, 0 if there is none.
std::size_t utf8_length(std::string_view text) {
    const auto lead = static_cast<Byte>(text[0]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (text.size() < length || !is_valid_utf8(text.substr(0, length))) return 0;
    return length;
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    while (!text.empty()) {
        const char c = text[0];
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<Byte>(c) < 0x20) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(static_cast<Byte>(c)));
            out += escaped;
        } else {
            const std::size_t length = utf8_length(text);
            if (length == 0) {
                out += "\\ufffd";
            } else {
                out += text.substr(0, length);
                text.remove_prefix(length - 1);
            }
        }
        text.remove_prefix(1);
    }
    out += '"';
}

std::string to_json_line(std::string_view node, const Event& event) {
    std::string out;
    out.reserve(160);
    const auto nanoseconds = event.time.time_since_epoch().count();
    char time[40];
    std::snprintf(time, sizeof time, "{\"t\":%lld.%09lld", static_cast<long long>(nanoseconds / 1000000000),
                  static_cast<long long>(nanoseconds % 1000000000));
    out += time;
    out += ",\"node\":";
    append_json_string(out, node);
    out += ",\"event\":";
    append_json_string(out, event.kind);
    if (event.connection) {
        out += ",\"conn\":";
        append_integer(out, event.connection->value());
    }
    for (const Field& field : event.fields) {
        out += ',';
        append_json_string(out, field.key);
        out += ':';
        append_field_value(out, field);
    }
    out += '}';
    return out;
}

}  // namespace bt::telemetry
