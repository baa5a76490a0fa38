#include "lab/grade/fake_peer.h"

#include <algorithm>
#include <thread>

#include "common/base/encoding.h"
#include "common/meta/bencode.h"
#include "common/wire/extension.h"

namespace bt::grade {
namespace {

using probe::Wait;
constexpr std::size_t kMetadataBlock = 16 * 1024;
// Extensions that nobody knows, in the order of `m` before and behind ut_metadata.
constexpr const char* kOthers[] = {"grade_before", "ut_yours"};
constexpr std::array<Byte, 8> kPlain{}, kExtensions{0, 0, 0, 0, 0, 0x10, 0, 0};

std::string place(const wire::Request& request) {
    return std::to_string(request.length) + " bytes at " + std::to_string(request.begin) + " of piece " +
           std::to_string(request.piece);
}

}  // namespace

// One connection.
class FakePeer::Visit {
  public:
    Visit(FakePeer& peer, net::Fd fd, Rng rng) : peer_(peer), talk_(probe::Talk::adopt(std::move(fd))), rng_(rng) {}

    void serve() {
        if (!greet() || !show_pieces()) return;
        for (;;) {
            const probe::Heard heard = talk_.hear(Wait(kPatience));
            if (const auto* broken = std::get_if<probe::Broken>(&heard)) {
                return fault("sent what is no message: " + broken->why,
                             "a message is 4 bytes of length (big-endian, of all that follows), 1 byte of id, payload");
            }
            const auto* message = std::get_if<wire::Message>(&heard);
            if (message == nullptr || !on_message(*message)) return;
        }
    }

  private:
    const PeerManners& manners() const { return peer_.manners_; }
    const meta::Metainfo& metainfo() const { return *peer_.sample_.metainfo; }

    void fault(std::string what, std::string hint) {
        const std::lock_guard lock(peer_.mutex_);
        peer_.account_.faults.push_back({std::move(what), std::move(hint)});
    }
    template <class Change>
    void note(Change change) {
        const std::lock_guard lock(peer_.mutex_);
        change(peer_.account_);
    }

    bool greet() {
        const auto theirs = talk_.hear_handshake(Wait(kPatience));
        if (!theirs) {
            fault("the handshake did not come whole: " + theirs.error().message(),
                  "a handshake is 68 bytes: 19, \"BitTorrent protocol\", 8 reserved, 20 info_hash, 20 peer_id");
            return false;
        }
        if (theirs->info_hash != metainfo().info_hash()) {
            fault("the handshake is for the info_hash " + to_hex(theirs->info_hash),
                  "bytes 28 to 47 of the handshake are the 20 raw bytes of the torrent's info_hash");
            return false;
        }
        const bool right = theirs->reserved == kExtensions || (!manners().magnet && theirs->reserved == kPlain);
        if (!right) {
            fault(
                "the reserved bytes are " + to_hex(theirs->reserved),
                manners().magnet
                    ? "for magnets the reserved bytes are 00 00 00 00 00 10 00 00: bit 20 from the right says that you "
                      "speak extensions (BEP 10)"
                    : "set no reserved bit of an extension that you do not speak: all zero is right");
            return false;
        }
        note([](Account& account) { ++account.handshakes; });
        wire::Handshake ours;
        ours.reserved = manners().magnet ? kExtensions : kPlain;
        ours.info_hash = metainfo().info_hash();
        ours.peer_id = peer_.peer_id_;
        ByteBuffer bytes = to_buffer(ours.encode());
        if (manners().closes) {  // with the start of what would follow, in one segment
            wire::encode(wire::Bitfield{full_bits()}, bytes);
            if (send(bytes)) static_cast<void>(talk_.is_closed_within(Wait(300)));
            return false;
        }
        return send(bytes);
    }

    ByteBuffer full_bits() const {
        const std::uint32_t count = metainfo().layout().piece_count();
        ByteBuffer bits((count + 7) / 8);
        for (std::uint32_t i = 0; i < count; ++i) {
            if (has(i)) bits[i / 8] = static_cast<Byte>(bits[i / 8] | 0x80u >> (i % 8));
        }
        return bits;
    }
    bool has(std::uint32_t piece) const { return manners().has.empty() || manners().has[piece]; }

    bool show_pieces() {
        std::this_thread::sleep_for(manners().bitfield_after);
        if (manners().says_have) {
            for (std::uint32_t i = 0; i < metainfo().layout().piece_count(); ++i) {
                if (has(i) && !send(wire::Have{i})) return false;
            }
        } else if (!send(wire::Bitfield{full_bits()})) {
            return false;
        }
        if (!manners().magnet) return true;
        wire::ExtensionHandshake extensions;
        extensions.ids["ut_metadata"] = manners().metadata_id;
        std::uint32_t other = manners().metadata_id;
        for (const char* name : kOthers) extensions.ids[name] = static_cast<std::uint8_t>(other++ % 255 + 1);
        extensions.metadata_size = metainfo().info_bytes().size();
        return send(wire::Extended{0, extensions.encode()});
    }

    bool on_message(const wire::Message& message) {
        if (std::holds_alternative<wire::Interested>(message)) return choking_ ? unchoke() : true;
        if (const auto* request = std::get_if<wire::Request>(&message)) return on_request(*request);
        if (const auto* extended = std::get_if<wire::Extended>(&message)) return on_extended(*extended);
        return true;
    }

    bool unchoke() {
        choking_ = false;
        chatter();
        return send(wire::Unchoke{});
    }

    bool on_request(const wire::Request& request) {
        note([](Account& account) { ++account.requests; });
        if (choking_) {  // of the choke it may not have heard yet
            if (!choked_once_)
                fault("asked for " + place(request) + " while choked",
                      "say interested (id 2), then wait for unchoke (id 1) before the first request");
            return true;
        }
        if (!is_allowed(request)) return false;
        const bool corrupt = lies();
        ByteBuffer block = to_buffer(peer_.sample_.piece(request.piece).subspan(request.begin, request.length));
        if (corrupt) block[rng_.below(block.size())] ^= 0x55;
        chatter();
        if (!send(wire::Piece{request.piece, request.begin, block})) return false;
        if (++served_ == manners().chokes_after) return choke_for_a_while();
        return true;
    }

    bool is_allowed(const wire::Request& request) {
        const auto piece = metainfo().layout().piece(request.piece);
        if (!piece) {
            fault("asked for " + place(request) + ", which the torrent does not have", "pieces count from 0");
            return false;
        }
        const std::uint32_t size = metainfo().layout().piece_size(*piece);
        if (request.length > kBlockSize) {
            fault("asked for " + place(request), "ask for blocks of 16 KiB (16384); most peers hang up on more");
            return false;
        }
        if (request.length == 0 || request.begin + std::uint64_t{request.length} > size) {
            fault("asked for " + place(request) + ", a piece of " + std::to_string(size),
                  "the last piece is shorter than `piece length`, and its last block shorter than 16 KiB: cut the "
                  "request's length at the end of the piece");
            return false;
        }
        if (has(request.piece) && !peer_.sample_.content.empty()) return true;
        fault("asked for " + place(request) + ", which this peer does not have",
              "look into the peer's bitfield (the first byte's highest bit is piece 0), and ask another peer");
        return false;
    }

    bool lies() {
        if (!manners().liar) return false;
        int seat = kSeatFree;
        manners().liar->compare_exchange_strong(seat, peer_.number_);
        const bool is_ours = *manners().liar == peer_.number_;
        if (is_ours) note([](Account& account) { ++account.lies; });
        return is_ours;
    }

    bool choke_for_a_while() {
        choking_ = choked_once_ = true;
        if (!send(wire::Choke{})) return false;
        const auto end = std::chrono::steady_clock::now() + kChokedFor;
        while (std::chrono::steady_clock::now() < end) {
            const probe::Heard heard =
                talk_.hear(std::chrono::duration_cast<Wait>(end - std::chrono::steady_clock::now()));
            if (std::holds_alternative<probe::Closed>(heard)) {
                fault("hung up when it was choked",
                      "after a choke (id 0) wait for the next unchoke, and ask again for "
                      "what had not come");
                return false;
            }
        }
        return unchoke();
    }

    bool on_extended(const wire::Extended& message) {
        if (message.id == 0) {
            const auto parsed = wire::ExtensionHandshake::parse(message.payload);
            their_metadata_id_ = parsed ? parsed->id_of("ut_metadata") : 0;
            if (their_metadata_id_ == 0) {
                fault("the extension handshake names no ut_metadata",
                      "its payload is the byte 0 and a dictionary such as d1:md11:ut_metadatai1eee");
                return false;
            }
            note([](Account& account) { ++account.extension_handshakes; });
            return true;
        }
        return give_metadata(message);
    }

    bool give_metadata(const wire::Extended& message) {
        if (their_metadata_id_ == 0) {
            fault("asked for metadata before an extension handshake", "send your extension handshake (id 20, 0) first");
            return false;
        }
        if (message.id != manners().metadata_id) {
            fault("sent an extension message with the id " + std::to_string(message.id),
                  "use the id that the peer's extension handshake gives to ut_metadata (here " +
                      std::to_string(manners().metadata_id) + "), not your own");
            return false;
        }
        const auto asked = meta::BencodeDocument::parse(message.payload);
        const auto piece = asked ? asked->root().find_integer("piece") : std::nullopt;
        const ByteView info = metainfo().info_bytes();
        const auto blocks = static_cast<std::int64_t>((info.size() + kMetadataBlock - 1) / kMetadataBlock);
        if (!piece || asked->root().find_integer("msg_type") != 0 || *piece < 0 || *piece >= blocks) {
            fault("asked for metadata by \"" + to_string(message.payload) + "\"",
                  "a request is d8:msg_typei0e5:piecei0ee: blocks of 16 KiB, counted from 0");
            return false;
        }
        note([](Account& account) { ++account.metadata_requests; });
        meta::BencodeWriter head;
        head.begin_dict().key("msg_type").integer(1).key("piece").integer(*piece);
        head.key("total_size").integer(static_cast<std::int64_t>(info.size())).end();
        ByteBuffer payload = head.take();
        const std::size_t at = static_cast<std::size_t>(*piece) * kMetadataBlock;
        append(payload, info.subspan(at, std::min(kMetadataBlock, info.size() - at)));
        chatter();
        return send(wire::Extended{their_metadata_id_, payload});
    }

    void chatter() {
        if (!manners().chatters) return;
        static_cast<void>(send(wire::KeepAlive{}));
        static_cast<void>(rng_.chance(1, 2) ? send(wire::Have{0}) : send(wire::NotInterested{}));
        static_cast<void>(send(wire::KeepAlive{}));
    }

    bool send(const wire::Message& message) {
        ByteBuffer bytes;
        wire::encode(message, bytes);
        return send(ByteView(bytes));
    }
    bool send(const ByteBuffer& bytes) { return send(ByteView(bytes)); }
    // In parts: one to four bytes first, so that the length itself comes in two.
    bool send(ByteView bytes) {
        if (manners().cuts && bytes.size() > 4) {
            for (const std::size_t most : {std::size_t{4}, bytes.size() / 2}) {
                const std::size_t part = std::min<std::size_t>(1 + rng_.below(most), bytes.size());
                if (!talk_.send(bytes.first(part))) return false;
                bytes = bytes.subspan(part);
                std::this_thread::sleep_for(std::chrono::milliseconds(2));
            }
        }
        return talk_.send(bytes).has_value();
    }

    FakePeer& peer_;
    probe::Talk talk_;
    Rng rng_;
    bool choking_ = true;
    bool choked_once_ = false;
    std::uint32_t served_ = 0;
    std::uint8_t their_metadata_id_ = 0;
};

FakePeer::FakePeer(const Sample& sample, PeerManners manners, Rng rng, int number)
    : sample_(sample), manners_(std::move(manners)), number_(number), rng_(rng) {
    rng_.fill(peer_id_);
}

Result<std::unique_ptr<FakePeer>> FakePeer::open(const Address& address, const Sample& sample, PeerManners manners,
                                                 Rng rng, int number) {
    std::unique_ptr<FakePeer> peer(new FakePeer(sample, std::move(manners), rng, number));
    BT_TRY_ASSIGN(peer->door_, Door::open(address, [own = peer.get()](net::Fd fd) { own->serve(std::move(fd)); }));
    return peer;
}

FakePeer::Account FakePeer::account() const {
    const std::lock_guard lock(mutex_);
    return account_;
}

void FakePeer::serve(net::Fd connection) {
    std::unique_ptr<Visit> visit;
    {
        const std::lock_guard lock(mutex_);
        ++account_.connections;
        visit = std::make_unique<Visit>(*this, std::move(connection), rng_.fork(account_.connections));
    }
    visit->serve();
}

}  // namespace bt::grade
