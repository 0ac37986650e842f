// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>

#include <link.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/provider.h>

#include "ossl/handles.h"
#include "tools/doctor/checks.h"
#include "tools/shared/error.h"
#include "version.h"

namespace p11::tools::doctor {
namespace {

namespace fs = std::filesystem;

constexpr const char* install =
    "install it there (cmake --install, or the package), or name its folder: --provider-path for "
    "this program, OPENSSL_MODULES or \"module = FILE\" in openssl.cnf for others";

std::string folderOf(const std::string& providerFolder) {
    if (!providerFolder.empty())
        return providerFolder;
    const char* variable = std::getenv("OPENSSL_MODULES");
    const char* built = OPENSSL_info(OPENSSL_INFO_MODULES_DIR);
    return variable != nullptr ? variable : built != nullptr ? built : "";
}

std::string expectedFile(const inspection::UsersConfiguration& configuration,
                         const std::string& providerFolder) {
    const auto* own = configuration.own();
    std::string name =
        own != nullptr && !own->module.empty() ? own->module : configuration.ownName();
    if (fs::path(name).extension() != ".so")
        name += ".so";
    // dlopen(3) would search for a relative path in OpenSSL's own folder.
    return fs::absolute(fs::path(folderOf(providerFolder)) / name).lexically_normal();
}

std::set<std::string> loadedFiles() {
    std::set<std::string> files;
    ::dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* data) {
            static_cast<std::set<std::string>*>(data)->insert(info->dlpi_name);
            return 0;
        },
        &files);
    return files;
}

// With OSSL_LIB_CTX_load_config a file that is loaded comes with others, such as libp11-kit.
std::string newFile(const std::set<std::string>& before, const std::string& expected) {
    for (const auto& file : loadedFiles())
        if (!before.contains(file) && fs::path(file).filename() == fs::path(expected).filename())
            return file;
    return expected;
}

std::string versionOf(const OSSL_PROVIDER* provider) {
    char* version = nullptr;
    std::array params{OSSL_PARAM_construct_utf8_ptr(OSSL_PROV_PARAM_VERSION, &version, 0),
                      OSSL_PARAM_construct_end()};
    return OSSL_PROVIDER_get_params(provider, params.data()) == 1 && version != nullptr ? version
                                                                                        : "unknown";
}

void tellFile(Report& report, const std::string& file, const std::string& version) {
    const nlohmann::ordered_json data{{"file", file}, {"version", version}};
    const auto what = file + ", version " + version;
    if (version == projectVersion)
        return report.add({State::ok, what, "", data});
    report.add({State::warning, what + ", but this program is of version " + projectVersion,
                "another version, or another project's provider of that name, lies in this folder: "
                "install both from one package",
                data});
}

bool isReadable(Report& report, const std::string& file) {
    if (::access(file.c_str(), R_OK) == 0)
        return true;
    if (errno == ENOENT)
        report.fail("there is no provider file " + file, install);
    else
        report.fail("the provider file " + file + " cannot be read: " + std::strerror(errno),
                    "let this user read it: chmod a+r, and a+x for its folders");
    return false;
}

} // namespace

bool checkProvider(Report& report, const inspection::UsersConfiguration& configuration,
                   const std::string& providerFolder) {
    report.section("provider");
    const auto expected = expectedFile(configuration, providerFolder);
    if (!isReadable(report, expected))
        return false;
    const auto before = loadedFiles();
    const ossl::LibCtx library(OSSL_LIB_CTX_new());
    // By its path: what the configuration makes of it is the next section's.
    const ossl::Provider provider(OSSL_PROVIDER_load(library.get(), expected.c_str()));
    if (!provider) {
        report.fail(withReasons(expected + " cannot be loaded"),
                    "read the reason, and run ldd on the file");
        return false;
    }
    tellFile(report, newFile(before, expected), versionOf(provider.get()));
    return true;
}

} // namespace p11::tools::doctor
