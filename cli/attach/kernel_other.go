//go:build !linux

package attach

import (
	"context"
	"runtime"
)

// NewKernel returns an error: only Linux has network namespaces.
func NewKernel() (Kernel, error) {
	return nil, fault(Failed, "run this on the node", "attaching needs network namespaces, which %s does not have", runtime.GOOS)
}

// lock does nothing. It is never called, as there is no Kernel.
func lock(context.Context, string) (unlock func(), err error) { return func() {}, nil }
