package attach

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// Commands of SIOCETHTOOL that get and set TX checksum offload of a device: whether it
// accepts packets whose checksums are not filled in (linux/ethtool.h).
const (
	ethtoolGetTXChecksum = 0x16
	ethtoolSetTXChecksum = 0x17
)

// ethtoolValue is struct ethtool_value.
type ethtoolValue struct{ cmd, data uint32 }

// ethtoolRequest is struct ifreq with a pointer.
type ethtoolRequest struct {
	name [unix.IFNAMSIZ]byte
	data *ethtoolValue
	_    [16]byte // padding to the size of the kernel's largest union member
}

// checksumOffload reports whether TX checksum offload of a device in a namespace is on, as
// "ethtool -k" does.
func checksumOffload(ns Namespace, device string) (bool, error) {
	v := &ethtoolValue{cmd: ethtoolGetTXChecksum}
	err := ethtool(ns, device, v)
	return v.data != 0, err
}

// setChecksumOffload turns TX checksum offload of a device in a namespace on or off, as
// "ethtool -K DEVICE tx on|off" does.
func setChecksumOffload(ns Namespace, device string, on bool) error {
	v := &ethtoolValue{cmd: ethtoolSetTXChecksum}
	if on {
		v.data = 1
	}
	return ethtool(ns, device, v)
}

// ethtool runs a command of SIOCETHTOOL on a socket in the namespace.
func ethtool(ns Namespace, device string, v *ethtoolValue) error {
	return inside(ns, func() (err error) {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, unix.Close(fd)) }()
		req := &ethtoolRequest{data: v}
		copy(req.name[:len(req.name)-1], device)
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(req)))
		runtime.KeepAlive(req)
		if errno != 0 {
			return fmt.Errorf("checksum offload of %s: %w", device, errno)
		}
		return nil
	})
}

// inside calls f on a thread that is in the namespace.
func inside(ns Namespace, f func() error) error {
	result := make(chan error, 1)
	go func() {
		// A thread that cannot return stays locked and ends with this goroutine, so that no other
		// goroutine ever runs in that namespace. The process's first thread cannot end: it would
		// hold the namespace as long as the process lives.
		runtime.LockOSThread()
		own, err := netns.Get()
		if err != nil {
			result <- err
			return
		}
		if err = netns.Set(ns.(namespace).NsHandle); err == nil {
			err = f()
		}
		back := netns.Set(own)
		if back == nil {
			runtime.UnlockOSThread()
		}
		result <- errors.Join(err, back, own.Close())
	}()
	return <-result
}
