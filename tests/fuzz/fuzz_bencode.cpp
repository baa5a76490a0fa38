// Bencode: what is accepted walks consistently, and writing a canonical document out again gives the same bytes.

#include <cstdint>

#include "common/base/check.h"
#include "common/meta/bencode.h"

using bt::meta::BencodeDocument;
using bt::meta::BencodeLimits;
using bt::meta::BencodeNode;
using bt::meta::BencodeWriter;

namespace {

std::size_t address(bt::ByteView bytes, const bt::Byte* start) {
    return static_cast<std::size_t>(bytes.data() - start);
}

// Every node lies inside its parent, behind its elder sibling. Depth is bounded by the limits given to the parser.
void walk(const BencodeNode& node, const bt::Byte* start) {
    const std::size_t begin = address(node.raw(), start);
    const std::size_t end = begin + node.raw().size();
    BT_CHECK(node.offset() == begin && begin < end);
    std::size_t position = begin + 1;
    std::uint32_t children = 0;
    for (auto child = node.first_child(); child; child = child->next_sibling()) {
        BT_CHECK(address(child->raw(), start) == position);
        if (node.is_dict() && children % 2 == 0) BT_CHECK(child->is_string());
        walk(*child, start);
        position += child->raw().size();
        ++children;
    }
    if (node.is_list() || node.is_dict()) BT_CHECK(position + 1 == end);
    BT_CHECK(children == (node.is_dict() ? node.size() * 2 : node.size()));
}

void write(const BencodeNode& node, BencodeWriter& writer) {
    if (node.is_integer()) {
        writer.integer(*node.integer());
    } else if (node.is_string()) {
        writer.string(*node.string());
    } else if (node.is_list()) {
        writer.begin_list();
        for (auto child = node.first_child(); child; child = child->next_sibling()) write(*child, writer);
        writer.end();
    } else {
        writer.begin_dict();
        for (auto key = node.first_child(); key;) {
            const auto value = key->next_sibling();
            BT_CHECK(node.find(*key->string())->offset() == value->offset());
            write(*value, writer.key(*key->string()));
            key = value->next_sibling();
        }
        writer.end();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const bt::ByteView bytes(data, size);
    const auto document = BencodeDocument::parse(bytes);
    BencodeLimits loose;
    loose.allow_trailing = true;
    const auto prefix = BencodeDocument::parse(bytes, loose);
    if (!document) {
        BT_CHECK(document.error().code == bt::ErrorCode::InvalidBencode);
        BT_CHECK(document.error().fault == bt::Fault::Remote);
        BT_CHECK(document.error().offset && *document.error().offset <= size);
        if (prefix) BT_CHECK(prefix->size() < size);
        return 0;
    }
    BT_CHECK(prefix && document->size() == size);
    walk(document->root(), data);

    BencodeLimits small;
    small.max_depth = 2;
    small.max_tokens = 4;
    if (const auto limited = BencodeDocument::parse(bytes, small)) BT_CHECK(limited->size() == size);

    if (!document->is_canonical()) return 0;
    BencodeWriter writer;
    write(document->root(), writer);
    BT_CHECK(bt::equal_bytes(writer.take(), bytes));
    return 0;
}
