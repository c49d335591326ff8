package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The form of a bbolt file, version 2: pages with a header of id, kind, number
// of elements and number of pages that it goes on for; then the elements, which
// say where in the page their keys and values are.
const (
	boltHeader  = 16
	boltElement = 16
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	kindBranch   = 0x01
	kindLeaf     = 0x02
	kindFreelist = 0x10
	// A leaf's element of this kind is a bucket; its value begins with the page
	// of the bucket's root, or with zero if the bucket follows inline.
	elementBucket = 0x01
)

// structureCheck walks through a bbolt file without bbolt. bbolt trusts what it reads: on a
// damaged page it would read and write anywhere in memory.
type structureCheck struct {
	file     io.ReaderAt
	pageSize int64
	end      uint64 // the first page that is not in use
	seen     map[uint64]bool
}

// checkStructure reports what is wrong with the structure of a file of the given size. It
// checks that pages hold the keys which the pages above them say, but neither keys nor values.
func checkStructure(file io.ReaderAt, pageSize int, size int64) error {
	s := &structureCheck{file: file, pageSize: int64(pageSize), seen: map[uint64]bool{0: true, 1: true}}
	begins, err := readMetaPages(file, pageSize)
	if err != nil {
		return err
	}
	newest := begins.newest()
	if !newest.valid {
		return errors.New("it has no valid beginning")
	}
	s.end = newest.end
	if need := s.end * uint64(pageSize); need > uint64(size) || s.end > uint64(size) {
		return fmt.Errorf("%d bytes of %d are missing", need-uint64(size), need)
	}
	if err := s.page(newest.root, keys{}, 0); err != nil {
		return err
	}
	if newest.freelist == ^uint64(0) { // it was not written
		return nil
	}
	return s.freelist(newest.freelist)
}

// header reads a page's header and size, and records that the page is in use.
func (s *structureCheck) header(id uint64) (kind, count int, size int64, err error) {
	h := make([]byte, boltHeader)
	if id >= s.end {
		return 0, 0, 0, fmt.Errorf("page %d is not in the file", id)
	}
	if _, err := s.file.ReadAt(h, int64(id)*s.pageSize); err != nil {
		return 0, 0, 0, err
	}
	kind, count = int(binary.LittleEndian.Uint16(h[8:])), int(binary.LittleEndian.Uint16(h[10:]))
	more := uint64(binary.LittleEndian.Uint32(h[12:]))
	if got := binary.LittleEndian.Uint64(h); got != id || id+more >= s.end {
		return 0, 0, 0, fmt.Errorf("page %d is one that says it is %d and %d more", id, got, more)
	}
	for p := id; p <= id+more; p++ {
		if s.seen[p] {
			return 0, 0, 0, fmt.Errorf("page %d is used twice", p)
		}
		s.seen[p] = true
	}
	return kind, count, int64(1+more) * s.pageSize, nil
}

// keys are those that a page may hold: first and what follows, but not end; nil for no bound. bbolt
// finds a page in the one above by its first key.
type keys struct{ first, end []byte }

// hold reports whether a page may hold a key as its element i.
func (k keys) hold(key []byte, i int) bool {
	return (k.end == nil || bytes.Compare(key, k.end) < 0) && (k.first == nil || i > 0 || bytes.Equal(key, k.first))
}

// maxDepth is far more levels than a tree of buckets and pages can have.
const maxDepth = 64

// page checks a page of a tree, which may hold some keys, and all below it.
func (s *structureCheck) page(id uint64, may keys, depth int) error {
	kind, count, size, err := s.header(id)
	switch {
	case err != nil:
		return err
	case depth > maxDepth:
		return fmt.Errorf("page %d is too deep", id)
	case kind != kindBranch && kind != kindLeaf || kind == kindBranch && count == 0:
		return fmt.Errorf("page %d is no part of a tree", id)
	case boltHeader+int64(count)*boltElement > size:
		return fmt.Errorf("page %d has no room for %d elements", id, count)
	}
	at := int64(id) * s.pageSize
	return s.elements(io.NewSectionReader(s.file, at, size), kind, count, size, may, depth)
}

// elements checks those of a page, or of a bucket inside a value.
func (s *structureCheck) elements(page io.ReaderAt, kind, count int, size int64, may keys, depth int) error {
	all := make([]byte, count*boltElement)
	if _, err := page.ReadAt(all, boltHeader); err != nil && count > 0 {
		return err
	}
	if kind == kindBranch {
		return s.branches(page, all, size, may, depth)
	}
	for i := range count {
		e, at := all[i*boltElement:], boltHeader+int64(i)*boltElement
		if i == 0 || i == count-1 {
			key, err := readKey(page, at+int64(binary.LittleEndian.Uint32(e[4:])), int64(binary.LittleEndian.Uint32(e[8:])), size)
			if err != nil {
				return err
			}
			if !may.hold(key, i) {
				return errors.New("a page holds keys of another")
			}
		}
		value := at + int64(binary.LittleEndian.Uint32(e[4:])) + int64(binary.LittleEndian.Uint32(e[8:]))
		length := int64(binary.LittleEndian.Uint32(e[12:]))
		if value+length > size {
			return fmt.Errorf("a value is not in its page")
		}
		if binary.LittleEndian.Uint32(e) == elementBucket {
			if err := s.bucket(page, value, length, depth); err != nil {
				return err
			}
		} else if binary.LittleEndian.Uint32(e) != 0 {
			return fmt.Errorf("an element is of no kind")
		}
	}
	return nil
}

// branches checks the pages that a page leads to, each with the keys from its own on to the next one's.
func (s *structureCheck) branches(page io.ReaderAt, all []byte, size int64, may keys, depth int) error {
	var first [][]byte
	for i := range len(all) / boltElement {
		e, at := all[i*boltElement:], boltHeader+int64(i)*boltElement
		key, err := readKey(page, at+int64(binary.LittleEndian.Uint32(e)), int64(binary.LittleEndian.Uint32(e[4:])), size)
		if err != nil {
			return err
		}
		if !may.hold(key, i) || i > 0 && bytes.Compare(first[i-1], key) >= 0 {
			return errors.New("keys are not in order")
		}
		first = append(first, key)
	}
	for i, key := range first {
		below := keys{key, may.end}
		if i+1 < len(first) {
			below.end = first[i+1]
		}
		if err := s.page(binary.LittleEndian.Uint64(all[i*boltElement+8:]), below, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// readKey returns the key of an element, which is in a page of a size.
func readKey(page io.ReaderAt, at, length, size int64) ([]byte, error) {
	if at+length > size {
		return nil, errors.New("a key is not in its page")
	}
	key := make([]byte, length)
	if _, err := page.ReadAt(key, at); err != nil {
		return nil, err
	}
	return key, nil
}

// bucket checks the bucket that a value is.
func (s *structureCheck) bucket(page io.ReaderAt, at, length int64, depth int) error {
	const rootAndSequence = 16
	b := make([]byte, rootAndSequence+boltHeader)
	if length < rootAndSequence {
		return fmt.Errorf("a bucket has no root")
	}
	if n, err := page.ReadAt(b[:min(length, int64(len(b)))], at); err != nil {
		return fmt.Errorf("a bucket ends after %d bytes: %w", n, err)
	}
	if root := binary.LittleEndian.Uint64(b); root != 0 {
		return s.page(root, keys{}, depth+1)
	}
	kind, count := int(binary.LittleEndian.Uint16(b[rootAndSequence+8:])), int(binary.LittleEndian.Uint16(b[rootAndSequence+10:]))
	size := length - rootAndSequence
	if length < int64(len(b)) || kind != kindLeaf || depth > maxDepth || boltHeader+int64(count)*boltElement > size {
		return fmt.Errorf("a small bucket is damaged")
	}
	return s.elements(io.NewSectionReader(page, at+rootAndSequence, size), kind, count, size, keys{}, depth+1)
}

// freelist checks the list of pages that are free: none of them may be in use.
func (s *structureCheck) freelist(id uint64) error {
	kind, count, size, err := s.header(id)
	if err != nil {
		return err
	}
	if kind != kindFreelist {
		return fmt.Errorf("page %d is no list of free pages", id)
	}
	at, n := int64(boltHeader), int64(count)
	if count == 0xFFFF { // the true number comes first
		first := make([]byte, 8)
		if _, err := s.file.ReadAt(first, int64(id)*s.pageSize+at); err != nil {
			return err
		}
		if binary.LittleEndian.Uint64(first) > s.end {
			return fmt.Errorf("more pages are free than there are")
		}
		at, n = at+8, int64(binary.LittleEndian.Uint64(first))
	}
	if at+n*8 > size {
		return fmt.Errorf("page %d has no room for %d free pages", id, n)
	}
	free := make([]byte, n*8)
	if _, err := s.file.ReadAt(free, int64(id)*s.pageSize+at); err != nil {
		return err
	}
	for ; len(free) > 0; free = free[8:] {
		p := binary.LittleEndian.Uint64(free)
		if p >= s.end || s.seen[p] {
			return fmt.Errorf("page %d is free and in use", p)
		}
		s.seen[p] = true
	}
	return nil
}
