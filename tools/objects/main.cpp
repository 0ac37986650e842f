// SPDX-License-Identifier: Apache-2.0
// pkcs11-objects does what the openssl command cannot do with tokens: it lists what is on them,
// stores keys and certificates, and deletes objects.
#include <iostream>
#include <string>
#include <tuple>

#include "tools/objects/listing.h"
#include "tools/objects/objects.h"
#include "tools/shared/command_line.h"
#include "tools/shared/error.h"
#include "tools/shared/library.h"
#include "tools/shared/output.h"

namespace {

constexpr const char* program = "pkcs11-objects";

struct Options {
    std::string providerFolder;
    std::string file;
    std::string uri;
    std::string usage;
    bool extractable = false;
    bool notSensitive = false;
    bool alwaysAuthenticate = false;
    bool allowDuplicate = false;
    bool all = false;
    p11::tools::objects::ListRequest list;
};

p11::tools::objects::Parameters parametersOf(const Options& options) {
    p11::tools::objects::Parameters parameters;
    if (!options.usage.empty())
        parameters.emplace_back("pkcs11_key_usage", options.usage);
    for (const auto& [given, name, value] :
         {std::tuple{options.extractable, "pkcs11_extractable", "yes"},
          std::tuple{options.notSensitive, "pkcs11_sensitive", "no"},
          std::tuple{options.alwaysAuthenticate, "pkcs11_always_authenticate", "yes"},
          std::tuple{options.allowDuplicate, "pkcs11_allow_duplicate", "yes"}})
        if (given)
            parameters.emplace_back(name, value);
    return parameters;
}

void importCertificate(OSSL_LIB_CTX* library, const Options& options) {
    const auto others = p11::tools::objects::importCertificate(library, options.file, options.uri,
                                                               options.allowDuplicate);
    if (others > 0)
        std::cerr << program << ": certificates in " << p11::tools::message(options.file)
                  << " that do not belong to this key, and were not stored: " << others << '\n';
}

void run(int argc, char** argv) {
    Options options;
    CLI::App app("Lists what is on PKCS#11 tokens, stores keys and certificates there, and "
                 "deletes them. To make keys on a token, use openssl genpkey.");
    p11::tools::command_line::addCommon(app, program, "Print this help for all commands",
                                        options.providerFolder);
    app.require_subcommand(1);
    app.fallthrough();

    auto* key = app.add_subcommand("import-key", "Store a private key and its public half");
    key->add_option("file", options.file, "The key, PEM or DER")->required();
    key->add_option("uri", options.uri, "Destination: pkcs11: URI with object= or id=")->required();
    key->add_option("--key-usage", options.usage,
                    "digitalSignature, dataEncipherment, keyEncipherment, keyAgreement");
    key->add_flag("--extractable", options.extractable,
                  "Let the key leave the token, wrapped by another key");
    key->add_flag("--not-sensitive", options.notSensitive, "Let the key be read from the token");
    key->add_flag("--always-authenticate", options.alwaysAuthenticate,
                  "Ask for the PIN at each use");

    auto* certificate =
        app.add_subcommand("import-certificate", "Store a certificate beside its key");
    certificate
        ->add_option("file", options.file,
                     "The certificate, PEM or DER; from a chain, the key's own is stored")
        ->required();
    certificate->add_option("uri", options.uri, "pkcs11: URI of its private key")->required();
    for (auto* command : {key, certificate})
        command->add_flag("--allow-duplicate", options.allowDuplicate,
                          "Store it even if one with that name exists");

    auto* removal = app.add_subcommand("delete", "Delete an object, or both halves of a key pair");
    removal->add_option("uri", options.uri, "pkcs11: URI with object= or id=")->required();
    removal->add_flag("--all", options.all, "Delete everything that fits");
    auto* listing = app.add_subcommand("list", "List objects, one in a line");
    listing->add_option("uri", options.list.uri, "pkcs11: URI of tokens or objects; all tokens");
    listing->add_flag("--uri", options.list.urisOnly, "Print their URIs");
    auto* details = app.add_subcommand("show", "Show all attributes of an object");
    details->add_option("uri", options.list.uri, "pkcs11: URI of the object")->required();
    for (auto* command : {listing, details}) {
        command->add_flag("--login", options.list.login,
                          "Log in to see private objects. A PIN in the URI does so without this");
        command->add_flag("--json", options.list.json, "Print JSON, for programs");
    }
    if (!p11::tools::command_line::parse(app, argc, argv))
        return;
    if (*listing)
        return p11::tools::writeStandardOutput(p11::tools::objects::list(options.list));
    if (*details)
        return p11::tools::writeStandardOutput(p11::tools::objects::show(options.list));
    const auto library = p11::tools::usersLibrary(options.providerFolder);
    if (*key)
        p11::tools::writeStandardOutput(p11::tools::objects::importKey(library.get(), options.file,
                                                                       options.uri,
                                                                       parametersOf(options)) +
                                        '\n');
    else if (*certificate)
        importCertificate(library.get(), options);
    else
        p11::tools::objects::remove(library.get(), options.uri, options.all);
}

} // namespace

int main(int argc, char** argv) {
    return p11::tools::command_line::run(program, [&] { run(argc, argv); });
}
