#pragma once

// For objects that may be destroyed inside the callbacks they make: the object has a Lifetime member; whoever calls
// back holds a Watch and asks it afterwards. A Watch may outlive the object. One thread.

#include <memory>

namespace bt::net {

class Lifetime {
  public:
    class Watch {
      public:
        explicit Watch(const Lifetime& lifetime) : over_(lifetime.over_) {}
        // The object is gone: touch no member.
        [[nodiscard]] bool is_over() const { return *over_; }

      private:
        std::shared_ptr<const bool> over_;
    };

    Lifetime() : over_(std::make_shared<bool>(false)) {}
    ~Lifetime() { *over_ = true; }
    Lifetime(const Lifetime&) = delete;
    Lifetime& operator=(const Lifetime&) = delete;

  private:
    std::shared_ptr<bool> over_;
};

}  // namespace bt::net
