#include "lab/yaml.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace bt::lab {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kStep = 2;

bool is_word_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.' || c == '/';
}

// JSON's, but for characters that it writes as two halves.
std::string yaml_string(const std::string& text) {
    std::string out = Json(text).dump(-1, ' ', true, nlohmann::detail::error_handler_t::replace);
    for (std::size_t at = 0; (at = out.find('\\', at)) != std::string::npos; at += 2) {
        const auto half = [&](std::size_t from) { return std::stoul(out.substr(from + 2, 4), nullptr, 16); };
        if (out[at + 1] != 'u' || half(at) < 0xd800 || half(at) > 0xdbff) continue;
        const unsigned long whole = 0x10000 + ((half(at) - 0xd800) << 10) + (half(at + 6) - 0xdc00);
        char escaped[16];
        std::snprintf(escaped, sizeof escaped, "\\U%08lx", whole);
        out.replace(at, 12, escaped);
    }
    return out;
}

// Control characters beyond ASCII, separators of lines, the byte order mark.
bool has_awkward(const std::string& text) {
    if (text.find("\xe2\x80\xa8") != std::string::npos || text.find("\xe2\x80\xa9") != std::string::npos) return true;
    if (text.find("\xef\xbb\xbf") != std::string::npos || text.find("\xef\xbf\xbe") != std::string::npos) return true;
    for (std::size_t at = 0; (at = text.find('\xc2', at)) != std::string::npos; ++at) {
        if (at + 1 < text.size() && static_cast<unsigned char>(text[at + 1]) < 0xa0) return true;
    }
    return false;
}

// YAML 1.1 reads these as booleans or null, whatever their case.
bool means_something(std::string word) {
    std::ranges::transform(word, word.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    constexpr std::string_view kWords[] = {"y", "n", "yes", "no", "on", "off", "true", "false", "null"};
    return std::ranges::find(kWords, word) != std::end(kWords);
}

std::string key_text(const std::string& key) {
    const bool letter = !key.empty() && ((key[0] >= 'a' && key[0] <= 'z') || (key[0] >= 'A' && key[0] <= 'Z'));
    const bool plain = letter && std::ranges::all_of(key, is_word_character) && !means_something(key);
    return plain ? key : yaml_string(key);
}

// One that a literal block gives back byte by byte: printable lines, the last with its end, no blank at a line's begin
// or end.
bool fits_block(const std::string& text) {
    if (!text.ends_with('\n') || std::ranges::count(text, '\n') < 2 || has_awkward(text)) return false;
    char before = '\n';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool printable = c == '\n' || (byte >= 0x20 && byte != 0x7f);
        const bool blank_at_edge = (c == ' ' && before == '\n') || (c == '\n' && before == ' ');
        if (!printable || blank_at_edge) return false;
        before = c;
    }
    return text[0] != '\n' && text[text.size() - 2] != '\n';
}

void add(std::string& out, const Json& value, std::size_t indent);

void add_block(std::string& out, const std::string& text, std::size_t indent) {
    out += "|\n";
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find('\n', at);
        if (end > at) out.append(indent, ' ').append(text, at, end - at);
        out += '\n';
        at = end + 1;
    }
}

// What stands behind "key:" or "-"; ends its line.
void add_value(std::string& out, const Json& value, std::size_t indent, bool in_list) {
    if (value.is_structured() && !value.empty()) {
        if (in_list && value.is_object()) {  // its first key stands behind the dash
            std::string inner;
            add(inner, value, indent);
            out += ' ' + inner.substr(indent);
            return;
        }
        out += '\n';
        return add(out, value, indent);
    }
    out += ' ';
    if (value.is_string() && fits_block(value.get_ref<const std::string&>())) {
        return add_block(out, value.get_ref<const std::string&>(), indent);
    }
    out += value.is_string() ? yaml_string(value.get_ref<const std::string&>()) : value.dump();
    out += '\n';
}

void add(std::string& out, const Json& value, std::size_t indent) {
    if (value.is_array()) {
        for (const Json& item : value) {
            out.append(indent, ' ') += '-';
            add_value(out, item, indent + kStep, true);
        }
        return;
    }
    for (const auto& [key, item] : value.items()) {
        out.append(indent, ' ') += key_text(key) + ':';
        add_value(out, item, indent + kStep, false);
    }
}

}  // namespace

std::string yaml_from_json(std::string_view json) {
    const Json value = Json::parse(json);
    if (!value.is_structured() || value.empty()) return value.dump() + "\n";
    std::string out;
    add(out, value, 0);
    return out;
}

}  // namespace bt::lab
