package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// Down ends the lab's processes and removes its namespaces and files. It identifies them by
// their names and environment, so it also works after a crash of Up. If a step fails, it
// continues with the others.
func (l *Lab) Down(ctx context.Context) error {
	errs := []error{l.stopDocker(ctx), l.endAll(ctx)}
	names, err := netnsNames()
	errs = append(errs, err)
	for _, name := range names {
		if strings.HasPrefix(name, l.netns("")) {
			_, err := l.run(ctx, "ip", "netns", "del", name)
			errs = append(errs, err)
		}
	}
	errs = append(errs, l.removeCgroups(), unmountBelow(l.Dir), os.RemoveAll(l.Dir))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("take lab %s down: %w", l.ID, err)
	}
	return nil
}

// List returns the ids of all labs on this machine, including the remains of crashed ones.
func List() ([]string, error) {
	ids := map[string]bool{}
	dirs, err := filepath.Glob(dirOf("*"))
	if err != nil {
		return nil, err
	}
	for _, d := range dirs {
		ids[strings.TrimPrefix(filepath.Base(d), prefix)] = true
	}
	names, err := netnsNames()
	if err != nil {
		return nil, err
	}
	for _, n := range names {
		if rest, ok := strings.CutPrefix(n, prefix); ok {
			id, _, _ := strings.Cut(rest, "-")
			ids[id] = true
		}
	}
	var list []string
	for id := range ids {
		if validID(id) {
			list = append(list, id)
		}
	}
	slices.Sort(list)
	return list, nil
}

// validID reports whether an id has the form that Up generates, unlike those of other temporary
// directories with the same prefix.
func validID(id string) bool {
	return len(id) == 6 && strings.Trim(id, "0123456789abcdef") == ""
}

// Find returns a lab by its id, for Down. Unlike Open, it also works for an incomplete lab.
func Find(id string) (*Lab, error) {
	if !validID(id) {
		return nil, fmt.Errorf("%q is not the id of a lab: six hexadecimal digits", id)
	}
	if l, err := Open(id); err == nil {
		return l, nil
	}
	return newLab(id, state{}), nil
}

// DownAll takes every lab on this machine down, whoever started it.
func DownAll(ctx context.Context) error {
	ids, err := List()
	errs := []error{err}
	for _, id := range ids {
		l, err := Find(id)
		if err == nil {
			err = l.Down(ctx)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func netnsNames() ([]string, error) {
	entries, err := os.ReadDir(netnsDir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // no lab was created since the machine started
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// cgroup returns the name of the control group of docker's containers.
func (l *Lab) cgroup() string { return prefix + l.ID }

// removeCgroups removes the control groups that remain after docker was killed: those of version
// 2, and those of each controller of version 1.
func (l *Lab) removeCgroups() error {
	var errs []error
	for _, pattern := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
		// The patterns are well formed.
		tops, _ := filepath.Glob(pattern + l.cgroup())
		for _, top := range tops {
			var dirs []string
			errs = append(errs, filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
				if err == nil && d.IsDir() {
					dirs = append(dirs, path)
				}
				return err
			}))
			for _, dir := range slices.Backward(dirs) {
				errs = append(errs, syscall.Rmdir(dir))
			}
		}
	}
	return errors.Join(errs...)
}

// unmountBelow unmounts the mount points below dir, the deepest first. They remain after docker
// was killed.
func unmountBelow(dir string) error {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	defer f.Close()
	var points []string
	for s := bufio.NewScanner(f); s.Scan(); {
		// proc(5): the fifth field is the mount point.
		if fields := strings.Fields(s.Text()); len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			points = append(points, fields[4])
		}
	}
	var errs []error
	for _, p := range slices.Backward(points) {
		if err := syscall.Unmount(p, syscall.MNT_DETACH); err != nil {
			errs = append(errs, fmt.Errorf("unmount %s: %w", p, err))
		}
	}
	return errors.Join(errs...)
}
