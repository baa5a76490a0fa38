#include "common/wire/extension.h"

#include <algorithm>
#include <iterator>
#include <limits>

#include "common/meta/bencode.h"
#include "common/wire/counts.h"

namespace bt::wire {
namespace {

constexpr std::size_t kMaxIds = 100;

// A non-negative integer of the root that fits into T.
template <class T>
std::optional<T> find_number(const meta::BencodeNode& root, std::string_view key) {
    const auto value = root.find_integer(key);
    if (!value || *value < 0) return std::nullopt;
    const auto number = static_cast<std::uint64_t>(*value);
    if (number > std::numeric_limits<T>::max()) return std::nullopt;
    return static_cast<T>(number);
}

std::map<std::string, std::uint8_t> read_ids(const meta::BencodeNode& root) {
    std::map<std::string, std::uint8_t> ids;
    const auto m = root.find("m");
    if (!m || !m->is_dict()) return ids;
    for (auto key = m->first_child(); key && ids.size() < kMaxIds;) {
        const auto value = key->next_sibling();
        if (!value) break;
        const auto name = key->string();
        const auto id = value->integer();
        if (name && name->size() <= kMaxExtensionText && id && *id >= 0 && *id <= 255) {
            ids.emplace(std::string(*name), static_cast<std::uint8_t>(*id));
        }
        key = value->next_sibling();
    }
    return ids;
}

std::optional<Address> read_ip(std::string_view text) {
    const ByteView bytes = as_bytes(text);
    if (bytes.size() == 4) return Address::v4({bytes[0], bytes[1], bytes[2], bytes[3]});
    if (bytes.size() != 16) return std::nullopt;
    std::array<Byte, 16> sixteen{};
    std::copy(bytes.begin(), bytes.end(), sixteen.begin());
    return Address::v6(sixteen);
}

}  // namespace

std::uint8_t ExtensionHandshake::id_of(std::string_view name) const {
    const auto found = ids.find(std::string(name));
    return found == ids.end() ? std::uint8_t{0} : found->second;
}

void ExtensionHandshake::update(ExtensionHandshake later) {
    for (const auto& [name, id] : ids) later.ids.emplace(name, id);
    if (later.client_version.empty()) later.client_version = std::move(client_version);
    if (!later.listen_port) later.listen_port = listen_port;
    if (!later.request_queue) later.request_queue = request_queue;
    if (!later.metadata_size) later.metadata_size = metadata_size;
    if (!later.your_ip) later.your_ip = your_ip;
    if (!later.upload_only) later.upload_only = upload_only;
    while (later.ids.size() > kMaxIds) later.ids.erase(std::prev(later.ids.end()));
    *this = std::move(later);
}

ByteBuffer ExtensionHandshake::encode() const {
    meta::BencodeWriter writer;
    writer.begin_dict();
    writer.key("m").begin_dict();
    for (const auto& [name, id] : ids) writer.key(name).integer(id);
    writer.end();
    if (metadata_size) writer.key("metadata_size").integer(to_signed(*metadata_size));
    if (listen_port) writer.key("p").integer(*listen_port);
    if (request_queue) writer.key("reqq").integer(*request_queue);
    if (upload_only) writer.key("upload_only").integer(*upload_only ? 1 : 0);
    if (!client_version.empty()) writer.key("v").string(client_version);
    if (your_ip) writer.key("yourip").string(your_ip->bytes());
    writer.end();
    return writer.take();
}

Result<ExtensionHandshake> ExtensionHandshake::parse(ByteView payload) {
    meta::BencodeLimits limits;
    limits.max_tokens = 10'000;
    limits.allow_trailing = true;
    const auto document = meta::BencodeDocument::parse(payload, limits);
    if (!document) {
        const Error& cause = document.error();
        Error error = remote_error(ErrorCode::ProtocolViolation, "extension handshake: " + cause.detail);
        error.offset = cause.offset;
        return fail(std::move(error));
    }
    const meta::BencodeNode root = document->root();
    if (!root.is_dict()) {
        return fail(remote_error(ErrorCode::ProtocolViolation, "extension handshake is no dictionary", 0));
    }
    ExtensionHandshake result;
    result.ids = read_ids(root);
    if (const auto version = root.find_string("v")) result.client_version = version->substr(0, kMaxExtensionText);
    result.listen_port = find_number<std::uint16_t>(root, "p");
    if (result.listen_port == 0) result.listen_port.reset();
    result.request_queue = find_number<std::uint32_t>(root, "reqq");
    result.metadata_size = find_number<std::uint64_t>(root, "metadata_size");
    if (result.metadata_size == 0) result.metadata_size.reset();
    if (const auto ip = root.find_string("yourip")) result.your_ip = read_ip(*ip);
    if (const auto only = root.find_integer("upload_only")) result.upload_only = *only != 0;
    return result;
}

}  // namespace bt::wire
