/* The header holds everything; SwiftPM wants one source file. */
#include "EvaluationCKit.h"
