// SwiftPM wants a source file; the target is its header.
