package integration

import "os"

// long reports whether tests that have a long form must run it, as "make test-long" does.
func long() bool { return os.Getenv("SDNCTL_LONG") != "" }
