// SPDX-License-Identifier: Apache-2.0
#include "keymgmt/parameter_list.h"

#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "pkcs11/process.h"

namespace p11::keymgmt {
namespace {

/// A list of parameters that owns their names: the provider that has them may be unloaded.
class ParameterList {
  public:
    void add(const OSSL_PARAM& parameter) {
        names_.emplace_back(parameter.key);
        list_.push_back(parameter);
        list_.back().key = names_.back().c_str();
    }
    const OSSL_PARAM* end() {
        list_.push_back(OSSL_PARAM_construct_end());
        return list_.data();
    }
    bool ended() const { return !list_.empty() && list_.back().key == nullptr; }
    const OSSL_PARAM* data() const { return list_.data(); }

  private:
    std::deque<std::string> names_;
    std::vector<OSSL_PARAM> list_;
};

using Sources = std::pair<const OSSL_PARAM*, const OSSL_PARAM*>;
// Never destroyed, as EVP may use them until the end. Guarded by pkcs11::process::stateMutex().
auto& lists = *new std::map<Sources, ParameterList>;

} // namespace

// Lists have no end of life that anybody could see, so one for each of another provider's is kept.
const OSSL_PARAM* withOurs(const OSSL_PARAM* theirs, std::span<const OSSL_PARAM> ours) {
    const std::lock_guard lock(pkcs11::process::stateMutex());
    auto& list = lists[{theirs, ours.data()}];
    if (list.ended())
        return list.data();
    for (const auto* next = theirs; next != nullptr && next->key != nullptr; ++next)
        list.add(*next);
    for (const auto& parameter : ours)
        list.add(parameter);
    return list.end();
}

} // namespace p11::keymgmt
