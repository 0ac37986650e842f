// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/new_pair.h"

#include <array>
#include <functional>
#include <optional>

#include "keymgmt/key_family.h"
#include "ossl/dispatch.h"
#include "tokens/key_object.h"
#include "tokens/object_search.h"
#include "tokens/object_uris.h"
#include "tokens/writing.h"

namespace p11::keymgmt {
namespace {

using pkcs11::KeyPair;
using pkcs11::NewObjects;
using pkcs11::Session;

/// What the new objects are called.
struct Names {
    std::string label;
    pkcs11::Bytes id;
};

// A key without an id can't be told from its namesakes, and has no public half for most programs.
Names namesOf(const ossl::ProviderContext& context, const uri::Uri& uri) {
    Names names{uri.object().value_or(""), uri.id().value_or(pkcs11::Bytes{})};
    if (names.id.empty())
        names.id = tokens::randomId(context);
    return names;
}

// Yes or no for what such keys can do, and yes for what is asked for besides.
void addUsage(const Usage& possible, const Usage& usage, PairTemplates& pair) {
    const auto add = [&](bool Usage::*member, CK_ATTRIBUTE_TYPE forPublic,
                         CK_ATTRIBUTE_TYPE forPrivate) {
        const bool wanted = usage.*member;
        if (!wanted && !(possible.*member))
            return;
        if (forPublic != forPrivate)
            pair.publicValues.flag(forPublic, wanted);
        pair.privateValues.flag(forPrivate, wanted);
    };
    add(&Usage::sign, CKA_VERIFY, CKA_SIGN);
    add(&Usage::decrypt, CKA_ENCRYPT, CKA_DECRYPT);
    add(&Usage::unwrap, CKA_WRAP, CKA_UNWRAP);
    add(&Usage::derive, CKA_DERIVE, CKA_DERIVE);
}

void addCommon(KeyType type, const StorageParameters& storage, const Names& names,
               PairTemplates& pair) {
    const auto& making = pairMaking(type);
    for (auto* half : {&pair.publicValues, &pair.privateValues}) {
        half->flag(CKA_TOKEN, true).bytes(CKA_ID, names.id);
        if (!names.label.empty())
            half->text(CKA_LABEL, names.label);
    }
    pair.publicValues.flag(CKA_PRIVATE, false);
    pair.privateValues.flag(CKA_PRIVATE, true)
        .flag(CKA_SENSITIVE, storage.sensitive)
        .flag(CKA_EXTRACTABLE, storage.extractable);
    if (storage.alwaysAuthenticate)
        pair.privateValues.flag(CKA_ALWAYS_AUTHENTICATE, *storage.alwaysAuthenticate);
    addUsage(making.possible, storage.usage.value_or(making.common(type)), pair);
}

// Answers to parameters that are written in a way the token does not know.
bool refusesForm(const pkcs11::Error& error) {
    switch (error.rv()) {
    case CKR_ATTRIBUTE_VALUE_INVALID:
    case CKR_CURVE_NOT_SUPPORTED:
    case CKR_DOMAIN_PARAMS_INVALID:
    case CKR_MECHANISM_INVALID:
    case CKR_TEMPLATE_INCONSISTENT:
        return true;
    default:
        return false;
    }
}

/// A pair on its way to the token: what generating and storing have in common.
class NewPair {
  public:
    NewPair(ossl::ProviderContext& context, KeyType type, const StorageParameters& storage)
        : context_(context), type_(type), making_(pairMaking(type)), storage_(storage),
          uri_(storage.keyUri()), names_(namesOf(context, uri_)) {
        if (type == KeyType::rsaPss && context.settings().noAllowedMechanisms)
            throw ossl::UsageError(ossl::Reason::unsupported,
                                   "RSA-PSS keys need CKA_ALLOWED_MECHANISMS, but the quirk "
                                   "no-allowed-mechanisms is set");
    }

    /// `make(session, form, pair, objects)` adds values and makes both halves of them.
    template <typename Make>
    std::shared_ptr<Key> run(Make&& make) {
        context_.settings(); // whether there is a log at all
        const pkcs11::trace::Step step([this] { return "new key pair " + uri_.withoutPin(); });
        return tokens::write(context_, uri_, {}, [&](Session& session) {
            if (!storage_.allowDuplicate)
                requireFree(session,
                            std::array<CK_OBJECT_CLASS, 2>{CKO_PRIVATE_KEY, CKO_PUBLIC_KEY},
                            names_.label, uri_.id().value_or(pkcs11::Bytes{}));
            NewObjects objects(session);
            const auto pair = makeInSomeForm(session, objects, make);
            auto key = finish(session, objects, pair);
            objects.keep();
            return key;
        });
    }

    const PairMaking& making() const { return making_; }
    std::string describe() const {
        return std::string(nameOf(type_)) + " key pair \"" + names_.label + "\"";
    }

  private:
    template <typename Make>
    KeyPair makeInSomeForm(Session& session, NewObjects& objects, Make& make) {
        std::optional<pkcs11::Error> refusal;
        for (const auto& form : making_.forms) {
            PairTemplates pair;
            addCommon(type_, storage_, names_, pair);
            try {
                return make(session, form, pair, objects);
            } catch (const pkcs11::Error& error) {
                if (!objects.undo())
                    giveUp(error, false);
                if (!refusesForm(error))
                    throw;
                // What is wrong says more than that a mechanism is not there, and the usual form's
                // more than another's.
                if (!refusal ||
                    (refusal->rv() == CKR_MECHANISM_INVALID && error.rv() != CKR_MECHANISM_INVALID))
                    refusal.emplace(error);
            }
        }
        throw pkcs11::Error(*refusal);
    }

    std::shared_ptr<Key> finish(Session& session, NewObjects& objects, const KeyPair& pair) {
        try {
            return keyOf(session, pair);
        } catch (const pkcs11::Error& error) {
            giveUp(error, objects.undo());
        }
    }

    // Nothing of this must be done again: something was there already, and may be still.
    [[noreturn]] void giveUp(const pkcs11::Error& error, bool gone) const {
        throw pkcs11::Error(
            pkcs11::Failure::key,
            "the new " + describe() + " cannot be read: " + error.what() +
                (gone ? "" : "; a part of it may be on the token, with the " + idText()));
    }

    std::shared_ptr<Key> keyOf(Session& session, const KeyPair& pair) {
        const auto wanted = keyAttributes(!context_.settings().noAllowedMechanisms);
        const auto half = pkcs11::readAttributes(session, pair.publicKey, wanted);
        auto attributes = pkcs11::readAttributes(session, pair.privateKey, wanted);
        const auto pool = session.sessionPool().shared_from_this();
        auto name = tokens::uriOf(pool->token(), attributes);
        auto key = std::make_shared<Key>(
            context_, type_,
            tokens::keyObject(context_, uri_, pool, pair.privateKey, std::move(attributes), name),
            name);
        if (auto publicKey = publicKeyOf(context_, type_, half))
            key->setPublicKey(std::move(publicKey));
        return key;
    }

    std::string idText() const {
        const auto text = uri::format({nullptr, std::nullopt, "", names_.id});
        return text.substr(text.find(':') + 1);
    }

    ossl::ProviderContext& context_;
    KeyType type_;
    const PairMaking& making_;
    const StorageParameters& storage_;
    const uri::Uri& uri_;
    Names names_;
};

} // namespace

void requireFree(Session& session, std::span<const CK_OBJECT_CLASS> classes,
                 const std::string& label, const pkcs11::Bytes& id) {
    for (const CK_OBJECT_CLASS type : classes) {
        const auto there =
            pkcs11::findCompared(session, tokens::byIdOrLabel(type, id, label), pkcs11::fits);
        if (!there.empty())
            throw ossl::UsageError(ossl::Reason::parameter,
                                   "another " + std::string(pkcs11::nameOf(type)) +
                                       " with that name or id is on " +
                                       session.sessionPool().token().describe() +
                                       " already: " + tokens::join(tokens::urisOf(session, there)) +
                                       " (pkcs11_allow_duplicate=yes makes another one anyway)");
    }
}

std::shared_ptr<Key> generatePair(ossl::ProviderContext& context, KeyType type,
                                  const StorageParameters& storage, const PairParameters& wanted,
                                  Progress& progress) {
    NewPair pair(context, type, storage);
    return pair.run([&](Session& session, const KeyPairMechanism& form, PairTemplates& values,
                        NewObjects& objects) {
        pair.making().generation(type, wanted, form, values);
        const auto made = progress.during([&] {
            return pkcs11::generateKeyPair(
                session, {form.mechanism, nullptr, 0}, values.publicValues, values.privateValues,
                std::string(form.mechanismName) + " for the " + pair.describe());
        });
        objects.add(made.privateKey);
        objects.add(made.publicKey);
        if (progress.isStopped())
            throw ossl::UsageError(ossl::Reason::stopped, "the caller has stopped the generation "
                                                          "of the " +
                                                              pair.describe());
        return made;
    });
}

std::shared_ptr<Key> storePair(ossl::ProviderContext& context, KeyType type,
                               const StorageParameters& storage, EVP_PKEY* software) {
    NewPair pair(context, type, storage);
    const auto subject = "the " + pair.describe();
    return pair.run([&](Session& session, const KeyPairMechanism& form, PairTemplates& values,
                        NewObjects& objects) {
        values.publicValues.number(CKA_CLASS, CKO_PUBLIC_KEY).number(CKA_KEY_TYPE, form.keyType);
        values.privateValues.number(CKA_CLASS, CKO_PRIVATE_KEY).number(CKA_KEY_TYPE, form.keyType);
        pair.making().values(type, software, form, values);
        KeyPair made;
        made.privateKey =
            pkcs11::createObject(session, values.privateValues, "private half of " + subject);
        objects.add(made.privateKey);
        made.publicKey =
            pkcs11::createObject(session, values.publicValues, "public half of " + subject);
        objects.add(made.publicKey);
        return made;
    });
}

} // namespace p11::keymgmt
