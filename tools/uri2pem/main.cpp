// SPDX-License-Identifier: Apache-2.0
// pkcs11-uri2pem: makes key references, the PEM files that stand for a key on a token.
#include <iostream>
#include <optional>

#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/pem.h>

#include "ossl/handles.h"
#include "ossl/secret.h"
#include "store/key_uri.h"
#include "tools/keys/key_source.h"
#include "tools/shared/command_line.h"
#include "tools/shared/error.h"
#include "tools/shared/input.h"
#include "tools/shared/output.h"
#include "tools/shared/token_uri.h"

namespace {

using p11::tools::Error;
using p11::tools::SecretString;

constexpr const char* program = "pkcs11-uri2pem";

struct Options {
    std::string uri = "-";
    std::string file = "-";
    std::string providerFolder;
    bool force = false;
    bool withPin = false;
    bool check = false;
};

void note(const std::string& text) {
    std::cerr << program << ": " << p11::tools::message(text) << '\n';
}

// The end of the line belongs to the input, not to the URI.
SecretString uriOf(const Options& options) {
    if (options.uri != "-")
        return SecretString(options.uri);
    const auto contents = p11::tools::readAll(STDIN_FILENO, "standard input");
    auto text = p11::tools::textOf(contents);
    while (text.ends_with('\n') || text.ends_with('\r'))
        text.remove_suffix(1);
    if (text.empty())
        throw Error("no URI was given, and standard input has none");
    return SecretString(text);
}

void requireKey(const p11::uri::Uri& uri) {
    const auto type = uri.type();
    if (type && *type != CKO_PRIVATE_KEY && *type != CKO_PUBLIC_KEY)
        throw Error("a key reference is for keys: \"type\" must be private or public");
    if (!uri.object() && !uri.id())
        note("the URI has neither \"object\" nor \"id\": it means the token's only key");
}

// Looks the key up with the PIN that was given, even if that is not written to the file. The
// provider refuses to write a key that is one of several, so this is also found.
void look(const Options& options, const p11::uri::Uri& uri, std::string_view text) {
    p11::tools::KeySource source(options.providerFolder,
                                 p11::tools::KeySource::Asking::theTerminal);
    const p11::ossl::Bio nowhere(BIO_new(BIO_s_null()));
    const bool isPublic = uri.type() == CKO_PUBLIC_KEY;
    const auto key = isPublic ? source.publicKey(text) : source.privateKey(text);
    const int written = isPublic ? PEM_write_bio_PUBKEY(nowhere.get(), key.pkey.get())
                                 : PEM_write_bio_PrivateKey(nowhere.get(), key.pkey.get(), nullptr,
                                                            nullptr, 0, nullptr, nullptr);
    if (written != 1)
        throw Error(p11::tools::withReasons(key.name + " cannot be used"));
}

SecretString reference(const Options& options, const p11::uri::Uri& uri) {
    using p11::uri::Part;
    const bool dropsPin = (uri.pinValue() || uri.contextPinValue()) && !options.withPin;
    if (uri.pinValue() && dropsPin)
        note("pin-value is left out of the file; --with-pin keeps it");
    if (uri.contextPinValue() && dropsPin)
        note("x-context-pin-value is left out of the file; --with-pin keeps it");
    auto kept = dropsPin ? uri.without({Part::pinValue}) : uri.without({});
    const p11::ossl::Wiped wiped(kept);
    // A string whose memory is wiped.
    const p11::ossl::Bio out(BIO_new(BIO_s_secmem()));
    char* pem = nullptr;
    if (!out || !p11::store::writeKeyUriPem(out.get(), kept))
        throw Error(p11::tools::withReasons("the key reference cannot be made"));
    const auto size = BIO_get_mem_data(out.get(), &pem);
    return {pem, static_cast<std::size_t>(size)};
}

void write(const Options& options, std::string_view pem) {
    if (options.file == "-")
        p11::tools::writeStandardOutput(pem);
    else if (options.force)
        p11::tools::replaceFile(options.file, pem);
    else
        p11::tools::writeNewFile(options.file, pem);
}

// Empty after --help and similar options, whose text has been printed.
std::optional<Options> optionsOf(int argc, char** argv) {
    Options options;
    CLI::App app("Makes a key reference: a PEM file with the pkcs11: URI of a key, for programs "
                 "that read keys from files. It needs no token.");
    app.add_option(
        "uri", options.uri,
        "The key's URI (RFC 7512), for example pkcs11:token=demo;object=release-key;type=private; "
        "- or none for standard input");
    app.add_option("-o,--out", options.file,
                   "File to write, readable by you alone; - or none for standard output");
    app.add_flag("--force", options.force, "Replace the file if it exists");
    app.add_flag(
        "--with-pin", options.withPin,
        "Keep pin-value and x-context-pin-value, which are otherwise left out. Whoever can "
        "read the file then has the PIN. pin-source and x-context-pin-source, which name files, "
        "are always kept");
    app.add_flag("--check", options.check,
                 "First look for the key on the token, and write nothing if it does not exist");
    p11::tools::command_line::addCommon(app, program, "Print this help", options.providerFolder,
                                        ", for --check");
    app.footer("Other users of the machine can see the command line. Give a URI with a PIN on "
               "standard input.");
    if (!p11::tools::command_line::parse(app, argc, argv))
        return std::nullopt;
    return options;
}

void run(const Options& options) {
    // This program needs no configuration, so one that cannot be read does no harm.
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    const auto text = uriOf(options);
    const auto uri = p11::tools::parseUri(text);
    requireKey(uri);
    if (options.check)
        look(options, uri, text);
    write(options, reference(options, uri));
}

} // namespace

int main(int argc, char** argv) {
    return p11::tools::command_line::run(program, [&] {
        if (const auto options = optionsOf(argc, argv))
            run(*options);
    });
}
