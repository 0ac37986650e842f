// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "pkcs11/printable.h"
#include "pkcs11/text.h"
#include "tokens/module_hints.h"
#include "tools/doctor/checks.h"

namespace p11::tools::doctor {
namespace {

using inspection::SeenToken;
using Row = std::array<std::string, 6>;

// CK_EFFECTIVELY_INFINITE is 0. Many tokens tell neither number.
std::string sessionsInWords(const CK_TOKEN_INFO& info) {
    const bool limited = info.ulMaxSessionCount != CK_EFFECTIVELY_INFINITE &&
                         info.ulMaxSessionCount != CK_UNAVAILABLE_INFORMATION;
    const auto most = limited ? std::to_string(info.ulMaxSessionCount) + " allowed" : "no limit";
    return info.ulSessionCount == CK_UNAVAILABLE_INFORMATION
               ? most
               : std::to_string(info.ulSessionCount) + " open, " + most;
}

Row rowOf(const SeenToken& seen) {
    return {"\"" + seen.label() + "\"",
            "serial " + pkcs11::trimmed(seen.info.serialNumber),
            "model " + pkcs11::trimmed(seen.info.model),
            "PIN: " + inspection::pinInWords(seen.info.flags),
            "sessions: " + sessionsInWords(seen.info),
            inspection::flagsInWords(seen.info.flags)};
}

nlohmann::ordered_json dataOf(const SeenToken& seen) {
    return {{"label", seen.label()},
            {"serial", pkcs11::trimmed(seen.info.serialNumber)},
            {"model", pkcs11::trimmed(seen.info.model)},
            {"manufacturer", pkcs11::trimmed(seen.info.manufacturerID)},
            {"module", seen.module->name()},
            {"slot", seen.slot},
            {"sessions", sessionsInWords(seen.info)},
            {"pin", inspection::pinInWords(seen.info.flags)},
            {"flags", inspection::flagsInWords(seen.info.flags)}};
}

// Columns of a table; a label may have control characters.
std::vector<std::string> aligned(std::vector<Row> rows) {
    std::vector<std::string> lines(rows.size());
    for (std::size_t column = 0; column < Row{}.size(); ++column) {
        std::size_t width = 0;
        for (auto& row : rows) {
            row[column] = pkcs11::printable(row[column]);
            width = std::max(width, row[column].size());
        }
        for (std::size_t i = 0; i < rows.size(); ++i) {
            lines[i] += rows[i][column];
            if (column + 1 < Row{}.size())
                lines[i].append(width - rows[i][column].size() + 2, ' ');
        }
    }
    return lines;
}

void tell(Report& report, const SeenToken& seen, const std::string& line) {
    constexpr CK_FLAGS bad = CKF_USER_PIN_LOCKED;
    constexpr CK_FLAGS doubtful =
        CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_TO_BE_CHANGED;
    Finding finding{State::ok, line, "", dataOf(seen)};
    if ((seen.info.flags & bad) != 0) {
        finding.state = State::failure;
        finding.advice = "the security officer unlocks it: pkcs11-tool --init-pin --login "
                         "--login-type so";
    } else if ((seen.info.flags & doubtful) != 0) {
        finding.state = State::warning;
        finding.advice = "make sure of the PIN before the next try";
    }
    report.add(std::move(finding));
}

std::vector<SeenToken> readAll(Report& report, const std::vector<pkcs11::Module*>& modules) {
    std::vector<SeenToken> all;
    for (auto* module : modules) {
        std::vector<std::string> problems;
        try {
            for (const auto& seen : inspection::tokensOf(*module, problems))
                all.push_back(seen);
        } catch (const pkcs11::Error& error) {
            problems.emplace_back(error.what());
        }
        for (const auto& problem : problems)
            report.warn("module " + module->name() + ": " + problem,
                        "check the reader or the slot, and that you may access the device");
    }
    return all;
}

} // namespace

std::vector<SeenToken> checkTokens(Report& report, const std::vector<pkcs11::Module*>& modules) {
    report.section("tokens");
    auto all = readAll(report, modules);
    std::erase_if(all, [](const auto& seen) { return !seen.isInitialized(); });
    if (all.empty())
        report.fail("tokens present: none",
                    modules.empty()
                        ? "make a module usable first: see above"
                        : "insert the token, or make one (softhsm2-util --init-token --free)");
    std::vector<Row> rows;
    rows.reserve(all.size());
    for (const auto& seen : all)
        rows.push_back(rowOf(seen));
    const auto lines = aligned(rows);
    for (std::size_t i = 0; i < all.size(); ++i)
        tell(report, all[i], lines[i]);
    return all;
}

} // namespace p11::tools::doctor
