// SPDX-License-Identifier: Apache-2.0
#include "tools/keyprovider/keyring.h"

#include <map>

#include "tools/keys/jwk.h"
#include "tools/shared/error.h"

namespace p11::tools {

Keyring::Keyring(KeySource& source, std::vector<SecretString> names) : source_(source) {
    for (auto& name : names)
        entries_.push_back({std::move(name), std::nullopt, std::nullopt, ""});
}

void Keyring::load(Entry& entry) {
    if (entry.key || !entry.failure.empty())
        return;
    try {
        entry.key = source_.privateKey(entry.name);
    } catch (const KeyError& error) {
        entry.failure = error.what();
    }
}

bool Keyring::mayFit(Entry& entry, const Recipient& recipient) {
    if (recipient.type == Recipient::Type::rsa ? !entry.key->isRsa() : !entry.key->isEc())
        return false;
    if (recipient.thumbprint.empty())
        return true;
    if (!entry.thumbprint)
        entry.thumbprint = jwk::thumbprint(*entry.key);
    return entry.thumbprint->empty() || *entry.thumbprint == recipient.thumbprint;
}

SecretBytes Keyring::open(const std::vector<Recipient>& recipients) {
    if (entries_.empty())
        throw Error("no key to unwrap with was given");
    std::map<const Entry*, std::string> failures;
    for (std::size_t i = 0; i < recipients.size(); ++i) {
        for (auto& entry : entries_) {
            load(entry);
            if (!entry.key || !mayFit(entry, recipients[i]))
                continue;
            try {
                return recipients[i].open(*entry.key);
            } catch (const Error& error) {
                // Without a thumbprint most keys fail here. Each reports its first reason.
                failures.try_emplace(&entry,
                                     "recipient " + std::to_string(i + 1) + ": " + error.what());
            }
        }
    }
    std::string all = "no key opens the annotation";
    for (const auto& entry : entries_) {
        const auto failed = failures.find(&entry);
        if (!entry.failure.empty())
            all += "; " + entry.failure;
        else if (failed != failures.end())
            all += "; " + failed->second;
        else if (entry.key)
            all += "; " + entry.key->name + " belongs to none of its " +
                   std::to_string(recipients.size()) + " recipients";
    }
    throw Error(all);
}

} // namespace p11::tools
