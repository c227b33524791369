// The system's zstd: recordings may be compressed.
#pragma once
#include <zstd.h>
