// SPDX-License-Identifier: Apache-2.0
#include "store/replica_entries.h"

#include <algorithm>
#include <utility>

namespace p11::store {
namespace {

bool haveSameName(const Entry& one, const Entry& other) {
    return one.label == other.label || one.id == other.id;
}

bool areSamePublicKeys(const keymgmt::Key& one, const keymgmt::Key& other) {
    auto* mine = one.publicKey();
    auto* theirs = other.publicKey();
    return mine != nullptr && theirs != nullptr && EVP_PKEY_eq(mine, theirs) == 1;
}

// Without what differs between the tokens, and without what the URI need not say.
std::string sharedUri(const uri::Uri& uri, const ReplicaGroup& group) {
    const auto& first = group.front();
    uri::ObjectAddress address;
    address.type = first.key == nullptr     ? CKO_CERTIFICATE
                   : first.key->isPrivate() ? CKO_PRIVATE_KEY
                                            : CKO_PUBLIC_KEY;
    const auto agree = [&](auto part) {
        return std::all_of(group.begin(), group.end(),
                           [&](const Entry& entry) { return entry.*part == first.*part; });
    };
    if (!uri.object() && !uri.id()) {
        address.object = agree(&Entry::label) ? first.label : "";
        address.id = agree(&Entry::id) ? first.id : pkcs11::Bytes();
    }
    return uri.withObject(address);
}

std::string allUris(const ReplicaGroup& group) {
    std::string lines;
    for (const auto& entry : group)
        lines += (lines.empty() ? "URI " : "\nURI ") + entry.uri;
    return lines;
}

} // namespace

bool isSameKey(const keymgmt::Key& first, const keymgmt::Key& key) {
    auto* half = first.publicKey();
    return first.type() == key.type() && half != nullptr && key.isPublicHalf(half);
}

bool areReplicas(const Entry& one, const Entry& other) {
    if (one.token == other.token || !haveSameName(one, other))
        return false;
    if (one.key == nullptr || other.key == nullptr)
        return one.key == other.key && one.certificate == other.certificate;
    if (one.key->isPrivate() != other.key->isPrivate() || one.key->type() != other.key->type())
        return false;
    return one.key->isPrivate() ? isSameKey(*one.key, *other.key)
                                : areSamePublicKeys(*one.key, *other.key);
}

std::vector<ReplicaGroup>
groupReplicas(std::vector<Entry> entries,
              const std::function<void(const Entry&, const pkcs11::Error&)>& leaveOut) {
    std::vector<ReplicaGroup> groups;
    const auto groupOf = [&groups](const Entry& entry) {
        return std::find_if(groups.begin(), groups.end(), [&entry](const ReplicaGroup& group) {
            return areReplicas(group.front(), entry) &&
                   std::none_of(group.begin(), group.end(),
                                [&](const Entry& one) { return one.token == entry.token; });
        });
    };
    for (auto& entry : entries) {
        try {
            const auto found = groupOf(entry);
            auto& group = found != groups.end() ? *found : groups.emplace_back();
            group.push_back(std::move(entry));
        } catch (const pkcs11::Error& error) {
            leaveOut(entry, error);
        }
    }
    return groups;
}

Entry asOneEntry(const ossl::ProviderContext& context, const uri::Uri& uri, ossl::Replicas mode,
                 ReplicaGroup group, const keymgmt::Replicas::Search& search) {
    auto entry = group.front();
    const bool isPrivate = entry.key != nullptr && entry.key->isPrivate();
    if (group.size() == 1 && (!isPrivate || !search))
        return entry;
    entry.uri = sharedUri(uri, group);
    entry.description = allUris(group);
    entry.token = nullptr;
    if (!isPrivate)
        return entry;
    const auto first = entry.key;
    keymgmt::Replicas::Keys keys;
    for (auto& one : group) {
        if (one.key != first)
            one.key->shareRejectionSecret(*first);
        keys.push_back(std::move(one.key));
    }
    entry.key = std::make_shared<keymgmt::Key>(
        *first, std::make_shared<keymgmt::Replicas>(context, mode, keys, search), entry.uri);
    return entry;
}

} // namespace p11::store
