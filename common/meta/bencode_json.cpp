#include "common/meta/bencode_json.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "common/base/encoding.h"

namespace bt::meta {
namespace {

void append_escape(std::string& out, unsigned code) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "\\u%04x", code);
    out += text.data();
}

// Bytes of the well-formed UTF-8 character at the start of rest; 0 where there is none.
std::size_t utf8_size(std::string_view rest) {
    const auto first = static_cast<unsigned char>(rest[0]);
    const std::size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    return size <= rest.size() && is_valid_utf8(rest.substr(0, size)) ? size : 0;
}

void append_ascii(std::string& out, char c) {
    switch (c) {
        case '"':
            out += "\\\"";
            return;
        case '\\':
            out += "\\\\";
            return;
        case '\n':
            out += "\\n";
            return;
        case '\r':
            out += "\\r";
            return;
        case '\t':
            out += "\\t";
            return;
        default:
            break;
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
        append_escape(out, byte);
    } else {
        out += c;
    }
}

void append_node(std::string& out, const BencodeNode& node) {
    switch (node.type()) {
        case BencodeNode::Type::Integer:
            out += std::to_string(*node.integer());
            return;
        case BencodeNode::Type::String:
            append_lossless_json_string(out, *node.string());
            return;
        case BencodeNode::Type::List:
        case BencodeNode::Type::Dict:
            break;
    }
    const bool dict = node.is_dict();
    out += dict ? '{' : '[';
    bool is_key = true;
    bool first = true;
    for (auto child = node.first_child(); child; child = child->next_sibling()) {
        if (!first) out += dict && !is_key ? ':' : ',';
        append_node(out, *child);
        is_key = !is_key;
        first = false;
    }
    out += dict ? '}' : ']';
}

}  // namespace

void append_lossless_json_string(std::string& out, std::string_view bytes) {
    out += '"';
    while (!bytes.empty()) {
        const std::size_t size = utf8_size(bytes);
        if (size == 0) {
            append_escape(out, 0xdc00u + static_cast<unsigned char>(bytes[0]));
        } else if (size == 1) {
            append_ascii(out, bytes[0]);
        } else if (size == 2 && bytes[0] == '\xc2' && static_cast<unsigned char>(bytes[1]) < 0xa0) {
            append_escape(out, static_cast<unsigned char>(bytes[1]));  // C1
        } else {
            out += bytes.substr(0, size);
        }
        bytes.remove_prefix(std::max<std::size_t>(size, 1));
    }
    out += '"';
}

std::string bencode_to_json(const BencodeNode& node) {
    std::string out;
    append_node(out, node);
    return out;
}

}  // namespace bt::meta
