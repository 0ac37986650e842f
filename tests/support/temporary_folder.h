// SPDX-License-Identifier: Apache-2.0
// A new folder for one process or test, away with all that is in it at the end.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include <unistd.h>

namespace testing_support {

/// Made by mkdtemp(3): a number of a process comes again, and a run that was killed leaves its
/// folder. A child made by fork leaves it to its parent. Throws std::runtime_error where none can
/// be made.
class TemporaryFolder {
  public:
    explicit TemporaryFolder(const std::string& name) {
        auto pattern = (std::filesystem::temp_directory_path() / (name + ".XXXXXX")).string();
        if (mkdtemp(pattern.data()) == nullptr)
            throw std::runtime_error("no folder " + pattern);
        path_ = pattern;
    }
    ~TemporaryFolder() {
        std::error_code ignored;
        if (getpid() == owner_)
            std::filesystem::remove_all(path_, ignored);
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }

  private:
    pid_t owner_ = getpid();
    std::filesystem::path path_;
};

} // namespace testing_support
