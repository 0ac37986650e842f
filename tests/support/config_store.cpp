// SPDX-License-Identifier: Apache-2.0
// The configuration in force, and how it changes.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <mutex>

#include "tests/support/config.h"
#include "tests/support/config_error.h"
#include "tests/support/immortal.h"

namespace test_module {
namespace {

struct Store {
    std::atomic<const Config*> current{nullptr};
    std::mutex mutex; // guards what follows
    Settings overrides;
    // Calls of other threads may still use a former configuration, so all are kept. An equal one is
    // used again, so that repeated changes do not take more and more memory.
    std::vector<std::unique_ptr<const Config>> all;
};

Store& store() {
    static Immortal<Store> immortal;
    return immortal.value;
}

Settings gather(const Settings& overrides) {
    auto settings = overrides;
    for (const auto& name : settingNames())
        if (const char* value = std::getenv(name.c_str()); value != nullptr)
            settings.emplace(name, value); // does not replace an override
    return settings;
}

void use(Store& self, std::unique_ptr<const Config> config) {
    self.current = config.get();
    self.all.push_back(std::move(config));
}

std::string faultsOf(const Settings& settings) {
    const auto found = settings.find("PKCS11_TEST_FAULTS");
    return found != settings.end() ? found->second : std::string();
}

// Faults that do not change keep their counts. With null they start over.
void change(Store& self, Settings settings, const std::shared_ptr<FaultPlan>& same) {
    const auto former = std::ranges::find_if(self.all, [&](const auto& config) {
        return config->settings == settings && (same == nullptr || config->faults == same);
    });
    if (former != self.all.end()) {
        if (same == nullptr)
            (*former)->faults->restart();
        self.current = former->get();
        return;
    }
    auto next = std::make_unique<Config>(std::move(settings));
    if (same != nullptr)
        next->faults = same;
    use(self, std::move(next));
}

// With the mutex held.
CK_RV apply(Store& self, Settings overrides, bool restartFaults) {
    try {
        auto settings = gather(overrides);
        const Config* current = self.current;
        const bool same = current != nullptr && !restartFaults &&
                          faultsOf(settings) == faultsOf(current->settings);
        if (current == nullptr || restartFaults || current->settings != settings)
            change(self, std::move(settings), same ? current->faults : nullptr);
        self.overrides = std::move(overrides);
        return CKR_OK;
    } catch (const ConfigError& error) {
        std::fprintf(stderr, "pkcs11-test-module: %s\n", error.what());
        return CKR_ARGUMENTS_BAD;
    }
}

} // namespace

const Config& config() {
    auto& self = store();
    if (const Config* current = self.current)
        return *current;
    const std::lock_guard lock(self.mutex);
    if (self.current == nullptr)
        use(self, std::make_unique<const Config>(Settings()));
    return *self.current;
}

CK_RV reloadConfig() {
    auto& self = store();
    const std::lock_guard lock(self.mutex);
    return apply(self, self.overrides, false);
}

CK_RV configure(const char* name, const char* value) {
    auto& self = store();
    const std::lock_guard lock(self.mutex);
    if (name == nullptr)
        return apply(self, {}, true);
    if (std::ranges::count(settingNames(), std::string(name)) == 0) {
        std::fprintf(stderr, "pkcs11-test-module: unknown setting %s\n", name);
        return CKR_ARGUMENTS_BAD;
    }
    auto overrides = self.overrides;
    if (value != nullptr)
        overrides[name] = value;
    else
        overrides.erase(name);
    return apply(self, std::move(overrides), std::string(name) == "PKCS11_TEST_FAULTS");
}

void lockConfig() {
    store().mutex.lock();
}
void unlockConfig() {
    store().mutex.unlock();
}

void releaseConfig() {
    auto& self = store();
    const std::lock_guard lock(self.mutex);
    self.current = nullptr;
    self.all = decltype(self.all)(); // also without capacity
    self.overrides = {};
}

} // namespace test_module
