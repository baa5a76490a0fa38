// The list of persona.h.

#include "lab/personas/extending.h"
#include "lab/personas/script.h"
#include "lab/personas/serving.h"
#include "lab/personas/taking.h"

namespace bt::persona {
namespace {

template <class T>
std::unique_ptr<Behaviour> make() {
    return std::make_unique<T>();
}

struct Entry {
    PersonaInfo info;
    std::unique_ptr<Behaviour> (*make)();
};

const std::vector<Entry>& entries() {
    static const std::vector<Entry> all = {
        {{"seed", "serves honestly", true}, make<Server>},
        {{"corrupt-block", "serves blocks with every bit turned over (part, piece)", true}, make<CorruptServer>},
        {{"liar", "claims every piece, unchokes, and answers no request", true}, make<Liar>},
        {{"choke-forever", "claims every piece, never unchokes", true}, make<ChokeForever>},
        {{"silent", "says nothing behind the handshake", false}, make<Silent>},
        {{"slow", "serves a few bytes a second (rate)", true},
         [] -> std::unique_ptr<Behaviour> { return std::make_unique<SlowServer>(false); }},
        {{"slow-handshake", "sends its handshake a byte at a time, then is slow (rate)", true},
         [] -> std::unique_ptr<Behaviour> { return std::make_unique<SlowServer>(true); }},
        {{"flapping", "serves; chokes and unchokes all the time (every)", true}, make<Flapping>},
        {{"drop-mid-block", "closes the connection in the middle of each block", true}, make<DropMidBlock>},
        {{"reset", "serves one block, then resets the connection", true}, make<Reset>},
        {{"oversize-message", "answers a request with a message of 4 GiB", true}, make<Oversize>},
        {{"wrong-metadata", "serves, and sends false metadata", true}, make<WrongMetadata>},
        {{"pex-liar", "serves, and names a hundred peers that are not there (every)", true}, make<PexLiar>},
        {{"free-rider", "downloads, never uploads", false}, make<FreeRider>},
        {{"super-requester", "downloads with thousands of requests at once", false}, make<SuperRequester>},
        {{"bittyrant", "downloads, gives each peer only what it had from it", false}, make<BitTyrantLike>},
        {{"request-flood", "asks for one block for ever, choked or not", false}, make<RequestFlood>},
        {{"never-reads", "asks for everything and reads nothing", false}, make<NeverReads>},
        {{"scripted", "does the steps of a script", false}, make<Scripted>},
    };
    return all;
}

}  // namespace

const std::vector<PersonaInfo>& personas() {
    static const std::vector<PersonaInfo> all = [] {
        std::vector<PersonaInfo> infos;
        for (const Entry& entry : entries()) infos.push_back(entry.info);
        return infos;
    }();
    return all;
}

const PersonaInfo* find_persona(std::string_view name) {
    for (const PersonaInfo& info : personas()) {
        if (info.name == name) return &info;
    }
    return nullptr;
}

std::unique_ptr<Behaviour> make_behaviour(const Options& options) {
    for (const Entry& entry : entries()) {
        if (entry.info.name == options.persona) return entry.make();
    }
    return make<Silent>();
}

}  // namespace bt::persona
