// SPDX-License-Identifier: Apache-2.0
// The keys that may open an annotation, tried against its recipients.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/keys/key_source.h"

namespace tools {

/// One of those that an annotation is encrypted for.
struct Recipient {
    enum class Type { rsa, ec };

    Type type;
    std::string thumbprint; ///< of its key, or "" if that is not recorded
    /// What it opens with the key. Throws KeyError if that is the wrong one, Error if it is
    /// malformed.
    std::function<SecretBytes(const Key&)> open;
};

/// Keys are loaded when they are needed, once; one that can't be loaded doesn't stop the others.
class Keyring {
  public:
    Keyring(KeySource& source, std::vector<SecretString> names);

    /// What the first recipient gives that a key opens; each is tried in turn with each key that
    /// may be its. Throws Error, which says for each key why not.
    SecretBytes open(const std::vector<Recipient>& recipients);

  private:
    struct Entry {
        SecretString name;
        std::optional<Key> key;
        std::optional<std::string> thumbprint;
        std::string failure; ///< why it could not be loaded
    };

    void load(Entry& entry);
    static bool mayFit(Entry& entry, const Recipient& recipient);

    KeySource& source_;
    std::vector<Entry> entries_;
};

} // namespace tools
