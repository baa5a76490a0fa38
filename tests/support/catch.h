#pragma once

// Catch2 2.x (Debian 12) or 3.x: tests include this and use what both have.

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
