package bolt

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

// maxDifferences bounds the differences that CheckIPAM lists.
const maxDifferences = 1000

// CheckIPAM computes from the ports which addresses are in use. It compares the result with
// the locks in the file, the file with what is in memory, and the indexes of free
// addresses with both. Commits go on meanwhile. An error means that the file could not be
// read.
func (s *Store) CheckIPAM() (store.IPAMReport, error) {
	s.turn <- struct{}{} // so that file and memory are of one revision
	snap := s.Snapshot()
	var tx *bolt.Tx
	err := s.inPlace()
	if err == nil {
		err = s.recoverFaults(func() (err error) {
			tx, err = s.db.Begin(false)
			return err
		})
	}
	<-s.turn
	if err != nil {
		return store.IPAMReport{}, fmt.Errorf("check addresses: %w", err)
	}
	// Ending a transaction that only reads cannot fail.
	defer func() { _ = tx.Rollback() }()
	c := ipamCheck{report: store.IPAMReport{Revision: snap.Revision()}, snap: snap, want: map[string]string{}}
	for _, step := range []func(*bolt.Tx) error{c.ports, c.locks, c.blocks, c.sum} {
		if err := s.recoverFaults(func() error { return step(tx) }); err != nil {
			return store.IPAMReport{}, fmt.Errorf("check addresses: %w", err)
		}
	}
	for _, d := range topology.CheckIPAM(snap) {
		c.differ("in memory: %s", d)
	}
	if c.more > 0 {
		c.report.Differences = append(c.report.Differences, fmt.Sprintf("and %d more", c.more))
	}
	return c.report, nil
}

type ipamCheck struct {
	report store.IPAMReport
	snap   *topology.Snapshot
	// want is which port holds each lock, going by the ports in the file.
	want map[string]string
	more int
}

func (c *ipamCheck) differ(format string, args ...any) {
	if len(c.report.Differences) == maxDifferences {
		c.more++
		return
	}
	c.report.Differences = append(c.report.Differences, fmt.Sprintf(format, args...))
}

// ports reads the ports, and compares them with memory.
func (c *ipamCheck) ports(tx *bolt.Tx) error {
	vnis := map[string]topology.VNI{}
	err := tx.Bucket(bucketOf(topology.KindNetwork)).ForEach(func(name, v []byte) error {
		o, err := decode(topology.Ref{Kind: topology.KindNetwork, Name: string(name)}, v)
		if err == nil {
			vnis[string(name)] = o.(*topology.Network).VNI
		}
		return err
	})
	if err != nil {
		return err
	}
	err = tx.Bucket(bucketOf(topology.KindPort)).ForEach(func(name, v []byte) error {
		o, err := decode(topology.Ref{Kind: topology.KindPort, Name: string(name)}, v)
		if err != nil {
			return err
		}
		c.port(o.(*topology.Port), vnis)
		return nil
	})
	if n := c.snap.NumPorts(); n != c.report.Ports {
		c.differ("the file has %d ports, memory %d", c.report.Ports, n)
	}
	return err
}

func (c *ipamCheck) port(p *topology.Port, vnis map[string]topology.VNI) {
	c.report.Ports++
	vni, ok := vnis[p.Spec.Network]
	if !ok || len(p.Addresses) == 0 {
		c.differ("%s: its addresses %v, or its network %q, are not in the file", p.Ref(), p.Addresses, p.Spec.Network)
		return
	}
	for _, k := range lockKeysOf(vni, p) {
		if other, taken := c.want[string(k)]; taken {
			c.differ("%s: its %s is also that of port/%s", p.Ref(), lockText(k), other)
			return
		}
		c.want[string(k)] = p.Name
	}
	if m, ok := c.snap.Port(p.Name); !ok || !slices.Equal(m.Addresses, p.Addresses) || m.MAC != p.MAC {
		c.differ("%s: memory does not have it as the file does", p.Ref())
	}
}

// locks compares the locks with those that the ports ask for.
func (c *ipamCheck) locks(tx *bolt.Tx) error {
	err := tx.Bucket([]byte(bucketLocks)).ForEach(func(k, v []byte) error {
		c.report.Locks++
		switch holder, ok := c.want[string(k)]; {
		case !ok:
			c.differ("%s is locked for port/%s, which does not have it", lockText(k), v)
		case holder != string(v):
			c.differ("%s is locked for port/%s, but port/%s has it", lockText(k), v, holder)
		}
		delete(c.want, string(k))
		return nil
	})
	for _, k := range slices.Sorted(maps.Keys(c.want)) {
		c.differ("%s of port/%s is not locked", lockText([]byte(k)), c.want[k])
	}
	return err
}

// blocks compares the blocks with memory.
func (c *ipamCheck) blocks(tx *bolt.Tx) error {
	n := 0
	for range c.snap.AllBlocks() {
		n++
	}
	err := eachBlock(tx, func(b *topology.Block) error {
		c.report.Blocks++
		if m, ok := c.snap.Block(b.Network, b.Node); !ok || *m != *b {
			c.differ("block of network/%s on node/%s: memory does not have it as the file does", b.Network, b.Node)
		}
		return nil
	})
	if n != c.report.Blocks {
		c.differ("the file has %d blocks, memory %d", c.report.Blocks, n)
	}
	return err
}

// sum compares objects and blocks with their checksum. It reports a difference only if
// nothing else was found.
func (c *ipamCheck) sum(tx *bolt.Tx) error {
	if err := verify(tx); err != nil && len(c.report.Differences) == 0 {
		c.differ("%v", err)
	}
	return nil
}

// lockText says which address a lock is of.
func lockText(key []byte) string {
	if len(key) != 20 || key[19] > 128 {
		return fmt.Sprintf("lock %x", key)
	}
	vni := uint32(key[0])<<16 | uint32(key[1])<<8 | uint32(key[2])
	a := netip.AddrFrom16([16]byte(key[3:])).Unmap()
	if key[19] == 128 {
		return fmt.Sprintf("address %s of VNI %d", a, vni)
	}
	return fmt.Sprintf("prefix %s/%d of VNI %d", a, int(key[19])+a.BitLen()-128, vni)
}
