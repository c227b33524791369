#include "COrdinalSystem.h"
