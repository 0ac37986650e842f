// SPDX-License-Identifier: Apache-2.0
// Keeps searches for objects apart from the making of copies.
#pragma once

#include <atomic>

namespace p11::pkcs11 {

/// SoftHSM shows a copy that is not complete as an object of the token. So no copy is begun during
/// a search, and a search during which a copy is made is repeated. Copies are made one after the
/// other. Nobody waits. Thread-safe.
class CopyGate {
  public:
    /// A search. While one exists, no copy is begun.
    class Search {
      public:
        explicit Search(CopyGate& gate) : gate_(gate) { ++gate_.searches_; }
        ~Search() { --gate_.searches_; }
        Search(const Search&) = delete;
        Search& operator=(const Search&) = delete;

        /// True if a copy is being made, so that what is found from now on may be wrong.
        bool isDisturbed() const { return gate_.copies_ != 0; }

      private:
        CopyGate& gate_;
    };

    /// The making of a copy. Searches that see it are repeated.
    class Copy {
      public:
        explicit Copy(CopyGate& gate) : gate_(gate) {
            const bool isOnly = gate_.copies_++ == 0;
            mayBegin_ = isOnly && gate_.searches_ == 0;
        }
        ~Copy() { --gate_.copies_; }
        Copy(const Copy&) = delete;
        Copy& operator=(const Copy&) = delete;

        /// False if somebody searches, or makes another copy.
        bool mayBegin() const { return mayBegin_; }

      private:
        CopyGate& gate_;
        bool mayBegin_;
    };

  private:
    std::atomic<int> searches_{0};
    std::atomic<int> copies_{0};
};

} // namespace p11::pkcs11
