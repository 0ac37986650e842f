// SPDX-License-Identifier: Apache-2.0
// The keys that may open an annotation, and the attempts with its recipients.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/keys/key_source.h"

namespace p11::tools {

/// A recipient of an annotation.
struct Recipient {
    enum class Type { rsa, ec };

    Type type;
    std::string thumbprint; ///< of its key, or "" if that is not recorded
    /// What it decrypts with the key. Throws KeyError if the key is wrong, Error if the recipient
    /// is malformed.
    std::function<SecretBytes(const Key&)> open;
};

/// Keys are loaded once, when they are needed. A key that cannot be loaded does not stop the
/// others.
class Keyring {
  public:
    Keyring(KeySource& source, std::vector<SecretString> names);

    /// The contents that the first matching key opens. Each recipient is tried in turn with each
    /// key that may fit. Throws Error, which gives the reason for each key.
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

} // namespace p11::tools
