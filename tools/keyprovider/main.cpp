// SPDX-License-Identifier: Apache-2.0
// pkcs11-keyprovider: wraps and unwraps the keys of container images' layers.
#include <optional>

#include <unistd.h>

#include "tools/keyprovider/annotation.h"
#include "tools/keyprovider/envelope.h"
#include "tools/keyprovider/ocicrypt_annotation.h"
#include "tools/keyprovider/protocol.h"
#include "tools/keys/base64.h"
#include "tools/shared/command_line.h"
#include "tools/shared/error.h"
#include "tools/shared/input.h"
#include "tools/shared/output.h"

namespace {

using p11::tools::ByteView;
using p11::tools::Error;
using p11::tools::Json;
using p11::tools::Keyring;
using p11::tools::KeySource;
using p11::tools::SecretBytes;
using p11::tools::SecretString;

constexpr const char* program = "pkcs11-keyprovider";

struct Options {
    std::string name;
    std::string providerFolder;
    std::vector<std::string> recipients;
    std::vector<std::string> keys;
    std::string hash;
    std::string format = "keyprovider";
    std::string file = "-";
    bool lines = false;
    bool base64 = false;
};

std::vector<SecretString> names(const std::vector<std::string>& given) {
    return {given.begin(), given.end()};
}

SecretBytes input(const std::string& file, const std::string& what) {
    return file == "-" ? p11::tools::readAll(STDIN_FILENO, what) : p11::tools::readFile(file);
}

p11::tools::oaep::Hash hashOf(const Options& options, bool forOcicrypt) {
    if (!options.hash.empty())
        return *p11::tools::oaep::hashNamed(options.hash);
    return forOcicrypt ? p11::tools::ocicrypt::hashFromEnvironment()
                       : p11::tools::oaep::Hash::sha256;
}

Json wrap(const Options& options, const std::vector<SecretString>& recipients, ByteView contents) {
    if (recipients.empty())
        throw Error("no recipients were given");
    KeySource source(options.providerFolder);
    std::vector<p11::tools::Key> keys;
    keys.reserve(recipients.size());
    for (const auto& name : recipients)
        keys.push_back(source.publicKey(name));
    const bool forOcicrypt = options.format == "pkcs11";
    const auto hash = hashOf(options, forOcicrypt);
    return forOcicrypt ? p11::tools::ocicrypt::seal(keys, hash, contents)
                       : p11::tools::envelope::seal(keys, hash, contents);
}

// The keys in the request take precedence over those of the command line.
std::vector<SecretString> either(std::vector<SecretString> requested,
                                 const std::vector<std::string>& given) {
    return requested.empty() ? names(given) : std::move(requested);
}

SecretString answer(const Options& options) {
    const auto text = input("-", "the request");
    auto request = p11::tools::protocol::parse(p11::tools::textOf(text), options.name);
    if (request.operation == p11::tools::protocol::Request::Operation::wrap) {
        const auto annotation =
            wrap(options, either(std::move(request.keys), options.recipients), request.data).dump();
        return p11::tools::protocol::wrapAnswer(p11::tools::bytesOf(annotation));
    }
    KeySource source(options.providerFolder);
    Keyring keys(source, either(std::move(request.keys), options.keys));
    return p11::tools::protocol::unwrapAnswer(p11::tools::annotation::openFirst(
        p11::tools::annotation::read(p11::tools::textOf(request.data)), keys));
}

SecretString runWrap(const Options& options) {
    const auto contents = input(options.file, "the input");
    const auto annotation = wrap(options, names(options.recipients), contents).dump();
    return (options.base64 ? p11::tools::base64::encode(p11::tools::bytesOf(annotation))
                           : annotation) +
           '\n';
}

SecretString runUnwrap(const Options& options) {
    const auto contents = input(options.file, "the annotation");
    auto text = p11::tools::textOf(contents);
    KeySource source(options.providerFolder);
    Keyring keys(source, names(options.keys));
    if (!options.lines) {
        const auto opened =
            p11::tools::annotation::openFirst(p11::tools::annotation::read(text), keys);
        return SecretString(p11::tools::textOf(opened));
    }
    SecretString all;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        try {
            all += p11::tools::base64::encode(p11::tools::annotation::openFirst(
                p11::tools::annotation::read(text.substr(0, end)), keys));
        } catch (const Error& error) {
            throw Error("line " + std::to_string(number) + ": " + error.what());
        }
        all += '\n';
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return all;
}

SecretString runInspect(const Options& options) {
    const auto contents = input(options.file, "the annotation");
    SecretString all;
    const auto describe = [&all](std::string_view text) {
        for (const auto& annotation : p11::tools::annotation::read(text))
            all += p11::tools::annotation::describe(annotation).dump(2) + '\n';
    };
    auto text = p11::tools::textOf(contents);
    if (text.find('{') != std::string_view::npos) {
        describe(text);
        return all;
    }
    do {
        const auto end = text.find('\n');
        describe(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    } while (!text.empty());
    return all;
}

// Empty after --help and similar options, whose text has been printed.
std::optional<SecretString> run(int argc, char** argv) {
    Options options;
    CLI::App app(
        "Wraps and unwraps the keys of encrypted container images, with keys on PKCS#11 tokens or "
        "in files. Without a command, it speaks ocicrypt's key-provider protocol.");
    app.require_subcommand(0, 1);
    app.fallthrough();
    app.add_option("--name", options.name,
                   "Name in OCICRYPT_KEYPROVIDER_CONFIG, if that has several key providers");
    app.add_option(
           "-r,--recipient", options.recipients,
           "Wrap for this pkcs11: URI, PEM or DER file, certificate or YAML key file; may be "
           "repeated")
        ->allow_extra_args(false);
    app.add_option(
           "-k,--key", options.keys,
           "Unwrap with this pkcs11: URI, PEM or DER file or YAML key file; may be repeated")
        ->allow_extra_args(false);
    app.add_option("--oaep-hash", options.hash, "For RSA recipients: sha256 or sha1")
        ->check(CLI::IsMember({"sha256", "sha1"}));
    app.add_option("--format", options.format,
                   "Format of the annotation: keyprovider (any length), or pkcs11 (ocicrypt's own)")
        ->check(CLI::IsMember({"keyprovider", "pkcs11"}));
    p11::tools::command_line::addCommon(app, program, "Print this help for all commands",
                                        options.providerFolder);

    auto* wrapping = app.add_subcommand("wrap", "Write the annotation for a layer's key");
    wrapping->add_flag("--base64", options.base64,
                       "Encode it in base64, as in an image's manifest");
    auto* unwrapping = app.add_subcommand("unwrap", "Write the key from an annotation");
    unwrapping->add_flag("--lines", options.lines,
                         "Read an annotation from each line, and write base64 lines");
    auto* inspecting = app.add_subcommand("inspect", "Show the contents of an annotation");
    for (auto* command : {wrapping, unwrapping, inspecting})
        command->add_option("file", options.file, "File to read instead of standard input");
    if (!p11::tools::command_line::parse(app, argc, argv))
        return std::nullopt;
    if (*wrapping)
        return runWrap(options);
    if (*unwrapping)
        return runUnwrap(options);
    return *inspecting ? runInspect(options) : answer(options);
}

} // namespace

int main(int argc, char** argv) {
    return p11::tools::command_line::run(program, [&] {
        if (const auto output = run(argc, argv))
            p11::tools::writeStandardOutput(*output);
    });
}
