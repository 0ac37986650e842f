// SPDX-License-Identifier: Apache-2.0
#include "tools/objects/listing.h"

#include <iostream>

#include <nlohmann/json.hpp>

#include "pkcs11/printable.h"
#include "pkcs11/recovery.h"
#include "pkcs11/text.h"
#include "tokens/object_search.h"
#include "tokens/object_uris.h"
#include "tokens/pin_source.h"
#include "tokens/token_search.h"
#include "tools/inspection/attribute_words.h"
#include "tools/inspection/inspector.h"
#include "tools/inspection/objects.h"
#include "tools/objects/table.h"
#include "tools/shared/error.h"
#include "tools/shared/passphrase.h"
#include "tools/shared/progress_line.h"

namespace p11::tools::objects {
namespace {

using inspection::SeenObject;
using Json = nlohmann::ordered_json;

/// What is said of an object, beside its attributes.
struct Entry {
    std::string token;
    std::string uri;
    SeenObject object;
    std::vector<inspection::AttributeInWords> words; ///< for show()
};

void note(const std::string& text) {
    std::cerr << "pkcs11-objects: " << message(text) << '\n';
}

// A PIN belongs to one token.
bool shouldLogIn(const tokens::TokenSearch& search, const pkcs11::Token& token, bool isAsked) {
    return isAsked && search.loginToken() == &token && (token.info().flags & CKF_LOGIN_REQUIRED);
}

std::vector<SeenObject> objectsOf(pkcs11::Session& session, const std::string& label,
                                  ProgressLine& line) {
    return inspection::objectsOf(session, [&](std::size_t read, std::size_t all) {
        line.show([&] {
            return message(std::to_string(read) + " of " + std::to_string(all) + " objects of \"" +
                           label + "\"");
        });
    });
}

std::vector<Entry> entriesOf(pkcs11::Session& session, const pkcs11::Token& token,
                             const uri::Uri& uri, bool inWords) {
    const pkcs11::ObjectQuery query{uri.type(), uri.object(), uri.id()};
    const auto label = pkcs11::trimmed(token.info().label);
    std::vector<Entry> entries;
    ProgressLine line; // not while a PIN is asked for
    for (auto& object : objectsOf(session, label, line))
        if (pkcs11::fits(query, object.attributes)) {
            Entry entry{label, tokens::uriOf(token, object.attributes), std::move(object), {}};
            if (inWords)
                entry.words = inspection::attributesInWords(session, entry.object.handle);
            entries.push_back(std::move(entry));
        }
    return entries;
}

std::vector<Entry> find(const ListRequest& request, bool inWords) {
    const inspection::Inspector inspector(inspection::readUsersConfiguration());
    auto& context = inspector.context();
    const auto uri = tokens::parseUri(request.uri);
    const tokens::TokenSearch search(context, uri);
    const bool isAsked = request.login || tokens::hasPin(uri);
    if (isAsked && search.severalNeedLogin())
        note("several tokens need a login, so there is none: name one (token=, serial=)");
    std::vector<Entry> all;
    for (auto* token : search.tokens()) {
        auto some = pkcs11::withSessionPool(*token, [&](const auto& pool) {
            auto session = pool->take();
            if (shouldLogIn(search, *token, isAsked))
                tokens::logIn(session, tokens::pinSource(uri, context, *token,
                                                         tokens::askWith({askPin, nullptr})));
            return entriesOf(session, *token, uri, inWords);
        });
        std::move(some.begin(), some.end(), std::back_inserter(all));
    }
    return all;
}

std::string certificateText(const SeenObject& object) {
    const auto certificate = inspection::certificateOf(object);
    if (!certificate)
        return {};
    return inspection::subjectOf(certificate.get()) + ", until " +
           inspection::expiryOf(certificate.get()) +
           (inspection::isExpired(certificate.get()) ? " (expired)" : "");
}

Row rowOf(const Entry& entry) {
    const auto& object = entry.object;
    Row row{entry.token,
            object.label(),
            inspection::hex(object.id()),
            inspection::typeInWords(object),
            inspection::algorithmOf(object),
            inspection::usageOf(object) + certificateText(object)};
    for (auto& cell : row)
        cell = pkcs11::printable(cell);
    return row;
}

Json jsonOf(const Entry& entry) {
    const auto& object = entry.object;
    Json json{{"uri", entry.uri},
              {"token", entry.token},
              {"label", object.label()},
              {"id", inspection::hex(object.id())},
              {"type", inspection::typeInWords(object)}};
    if (const auto certificate = inspection::certificateOf(object)) {
        json["subject"] = inspection::subjectOf(certificate.get());
        json["expires"] = inspection::expiryOf(certificate.get());
    } else if (const auto algorithm = inspection::algorithmOf(object); !algorithm.empty()) {
        json["algorithm"] = algorithm;
        json["usage"] = inspection::usageOf(object);
    }
    for (const auto& [name, words, value] : entry.words)
        json["attributes"][name] = value;
    return json;
}

std::string jsonText(const std::vector<Entry>& entries) {
    Json all = Json::array();
    for (const auto& entry : entries)
        all.push_back(jsonOf(entry));
    return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace

std::string list(const ListRequest& request) {
    const auto entries = find(request, false);
    if (request.json)
        return jsonText(entries);
    std::string uris;
    std::vector<Row> rows{{"TOKEN", "LABEL", "ID", "TYPE", "ALGORITHM", "USAGE"}};
    for (const auto& entry : entries) {
        uris += pkcs11::printable(entry.uri) + "\n";
        rows.push_back(rowOf(entry));
    }
    return request.urisOnly ? uris : entries.empty() ? "" : table(rows, terminalWidth());
}

std::string show(const ListRequest& request) {
    const auto entries = find(request, true);
    if (entries.empty())
        throw Error("no object fits " + tokens::parseUri(request.uri).withoutPin() +
                    "; private objects show after a login (--login); pkcs11-objects list shows "
                    "what is there");
    if (request.json)
        return jsonText(entries);
    std::string text;
    for (const auto& entry : entries) {
        text.append(text.empty() ? "" : "\n").append(pkcs11::printable(entry.uri)).append("\n");
        if (const auto certificate = certificateText(entry.object); !certificate.empty())
            text += "  certificate: " + pkcs11::printable(certificate) + "\n";
        for (const auto& [name, words, value] : entry.words)
            text.append("  ").append(words).append(" (").append(name).append("): ").append(
                pkcs11::printable(value) + "\n");
    }
    return text;
}

} // namespace p11::tools::objects
