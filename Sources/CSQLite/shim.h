// The system's SQLite: exports for plain SQL.
#pragma once
#include <sqlite3.h>
