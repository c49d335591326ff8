package integration

import "os"

// long reports whether tests that have a long form run that: in "make test-long".
func long() bool { return os.Getenv("SDNCTL_LONG") != "" }
