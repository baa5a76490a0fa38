#include "tracker/config.h"
#include "tracker/pages_config.h"
#include "tracker/rules_config.h"

namespace bt::tracker {

std::string default_config_text() {
    return std::string(R"(# swarm-tracker configuration. The same keys work in a .json file.
# Only port is needed. The other keys show their defaults, or an example where there is none.

port = 6881                          # HTTP and UDP; 0: the kernel chooses

# What is tracked. Without any of these every torrent is.
#torrentFile = "../torrents/x.torrent"  # one path or a list, relative to this file
#allow = ["0123456789abcdef0123456789abcdef01234567"]  # info_hashes
#allowFile = "allowed.txt"            # one of 40 hex digits a line, # begins a comment
#deny = []                            # never served, whatever is listed above
#denyFile = "denied.txt"

#bind = ["0.0.0.0", "::"]             # one address or a list
#profile = "lab"                      # or public: interval 1800, minInterval 900, intervalJitter 90, followKey false
#interval = 30                        # seconds between two announces of a peer
#minInterval = 5                      # a peer that needs others may ask again after this
#intervalJitter = 0                   # each answer's interval is up to so many seconds longer or shorter
#peerTimeout = 900                    # seconds after its last announce a peer is forgotten
                                     # (where not set: 900, or twice the longest interval and a minute if that is more)
#numwant = 50                         # peers told to who does not say how many it wants
#maxNumwant = 200                     # and at most; over UDP 74
#maxScrape = 100                      # info_hashes of one scrape over HTTP; over UDP 74
#fullScrape = false                   # a scrape without info_hash lists every torrent
#maxConnections = 4000                # of a door; beyond, the connection that was quiet longest is closed
#maxTorrents = 1000000                # beyond, torrents that are not known yet are refused
#maxPeers = 10000000                  # of all torrents
#keepPeerIds = true                   # for lists of dictionaries (compact=0); 20 bytes a peer
#threads = 1                          # more are for speed: no rules, pages, HTTPS, fixed order or events of each announce

# Answers that can be foretold, and what else is in them.
#rngSeed = 1                          # fixes which peers are drawn; without it every run draws others
#order = "random"                     # or fixed: by address and port
#selfInList = "never"                 # the announcer in its own list: never, whenAlone, always
#countSelf = true                     # the announcer counts in complete and incomplete of its own answer
#staticPeers = "first"                # those below come first, or they are the only ones
#trackerId = ""                       # tracker id
#warning = ""                         # warning message
#externalIp = false                   # external ip (BEP 24)
#retryIn = "never"                    # with refusals: minutes, or never (BEP 31); not sent where not set

# Who is who.
#followKey = true                     # who comes from a new address with its peer id and key is the peer it was
#ipFrom = []                          # addresses and ranges whose ip= counts
#loopbackAs = []                      # one IPv4 and one IPv6 address that stand for 127.0.0.0/8 and ::1
#passkeys = ["sesame"]                # announce URLs are then /PASSKEY/announce
#passkeyFile = "passkeys.txt"         # one a line

#events = "tracker-events.jsonl"      # JSON lines, a path relative to this file or "fd:3"
#eventsLevel = "decision"             # summary, decision or wire
#statsInterval = 1                    # seconds between two `stats` events

# The doors. What is not said here is as above.
#[http]
#enabled = true
#port = 6881
#bind = "0.0.0.0"
#interval = 30
#proxies = ["10.0.0.0/8"]             # whose X-Forwarded-For counts
#proxyProtocol = false                # connections from proxies begin with a PROXY header (v1 or v2) instead
#
#[udp]
#enabled = true
#port = 6881
#bind = "0.0.0.0"
#interval = 30
#grace = 0                            # seconds a connection id is accepted beyond its two minutes
#lenient = false                      # a connection id is good as long as the tracker runs
#
#[https]
#port = 6882
#bind = "0.0.0.0"
#certificate = "tracker.pem"          # the chain, PEM
#key = "tracker.key"                  # PEM

# Peers that are in every answer, whether they announce or not. As many as you like.
#[[peers]]
#peerId = "-XX0001-abcdefghijkl"      # 20 bytes of text, or 40 hex digits
#ip = "127.0.0.5"
#port = 7001

# What one torrent has of its own.
#[[torrents]]
#infoHash = "0123456789abcdef0123456789abcdef01234567"  # or torrentFile
#interval = 10
#minInterval = 5
#peers = [{peerId = "-XX0001-abcdefghijkl", ip = "127.0.0.6", port = 7001}]
)") + pages_config_text() +
           rules_config_text();
}

}  // namespace bt::tracker
