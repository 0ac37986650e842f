// SPDX-License-Identifier: Apache-2.0
// pkcs11-doctor: why does it not work? It looks at everything from OpenSSL to the key, and says
// what is wrong and what to do.
#include <initializer_list>
#include <optional>

#include "tools/doctor/examination.h"
#include "tools/doctor/json_printer.h"
#include "tools/doctor/text_printer.h"
#include "tools/shared/command_line.h"

namespace {

constexpr const char* program = "pkcs11-doctor";

struct Options {
    p11::tools::doctor::Request request;
    bool json = false;
};

// Nothing for help and the like, which has been printed.
std::optional<Options> optionsOf(int argc, char** argv) {
    Options options;
    CLI::App app("Says why a key on a PKCS#11 token cannot be used with OpenSSL, and what to do. "
                 "Without a URI it looks at everything up to the tokens.");
    auto* uri =
        app.add_option("uri", options.request.uri, "pkcs11: URI of a token or a key (RFC 7512)");
    auto* login = app.add_flag("--login", options.request.login,
                               "Log in, with a PIN from the configuration, the environment or the "
                               "terminal. A PIN in the URI does so without this option. No PIN is "
                               "tried twice");
    auto* sign =
        app.add_flag("--sign", options.request.sign, "Make a signature, and verify it in software");
    constexpr unsigned most = 100000;
    auto* time = app.add_option("--time", options.request.time,
                                "Measure so many signatures: times, calls, rate");
    time->check(CLI::Range(1U, most));
    for (auto* option : std::initializer_list<CLI::Option*>{login, sign, time})
        option->needs(uri);
    app.add_flag("--json", options.json, "Print JSON, for programs");
    p11::tools::command_line::addCommon(app, program, "Print this help",
                                        options.request.providerFolder);
    app.footer("Exit status: 0 if all is well, 1 with warnings, 2 with failures.");
    if (!p11::tools::command_line::parse(app, argc, argv))
        return std::nullopt;
    return options;
}

} // namespace

int main(int argc, char** argv) {
    int status = 2;
    const int error = p11::tools::command_line::run(program, [&] {
        const auto options = optionsOf(argc, argv);
        if (!options) {
            status = 0;
            return;
        }
        p11::tools::doctor::TextPrinter text(p11::tools::doctor::wantsColours());
        p11::tools::doctor::JsonPrinter json;
        p11::tools::doctor::Printer& printer =
            options->json ? static_cast<p11::tools::doctor::Printer&>(json) : text;
        p11::tools::doctor::Report report(printer);
        p11::tools::doctor::examine(options->request, report);
        status = report.end();
    });
    return error != 0 ? 2 : status;
}
