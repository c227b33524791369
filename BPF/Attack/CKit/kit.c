/* The header holds everything; SwiftPM wants one source file. */
#include "AttackCKit.h"
