package bolt

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
)

// metaPage is one of the two pages that a bbolt file begins with. A transaction
// becomes valid by writing one of them, in turn; the one with the greater txid
// counts.
type metaPage struct {
	valid                     bool
	root, freelist, end, txid uint64
	sum                       uint64
}

// metaPages are both of them.
type metaPages [2]metaPage

// readMetaPages reads the two pages.
func readMetaPages(file io.ReaderAt, pageSize int) (b metaPages, err error) {
	for i := range b {
		m := make([]byte, 64)
		if _, err := file.ReadAt(m, int64(i*pageSize)+boltHeader); err != nil {
			return b, fmt.Errorf("read its beginning: %w", err)
		}
		sum := fnv.New64a()
		sum.Write(m[:56])
		le := binary.LittleEndian
		b[i] = metaPage{
			valid: le.Uint32(m) == boltMagic && le.Uint32(m[4:]) == boltVersion && le.Uint64(m[56:]) == sum.Sum64(),
			root:  le.Uint64(m[16:]), freelist: le.Uint64(m[32:]), end: le.Uint64(m[40:]), txid: le.Uint64(m[48:]),
			sum: le.Uint64(m[56:]),
		}
	}
	return b, nil
}

// newest returns the page that is in effect. It is not valid if neither is.
func (b metaPages) newest() metaPage {
	if b[1].valid && (!b[0].valid || b[1].txid > b[0].txid) {
		return b[1]
	}
	return b[0]
}

// whole reports whether both pages are valid. They are after a crash and after a power cut,
// because the fields that count lie in one sector of the disk, which is written completely
// or not at all.
func (b metaPages) whole() bool { return b[0].valid && b[1].valid }

// lost says which acknowledged transactions are lost because one of the pages is damaged; ""
// if none is. The first two transactions of a file contain nothing.
func (b metaPages) lost(acknowledged uint64, known bool) string {
	has := b.newest().txid
	switch {
	case b.whole() || has <= 1 || known && has >= acknowledged:
		return ""
	case known:
		return fmt.Sprintf("of its transactions %d were acknowledged, and it has them up to %d", acknowledged, has)
	}
	return fmt.Sprintf("it has transactions up to %d, and its lock file does not say whether there were more", has)
}
