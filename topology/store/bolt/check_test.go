package bolt

import (
	"context"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"github.com/sdnctl/sdnctl/topology"
	"github.com/sdnctl/sdnctl/topology/store"
)

func TestCheckIPAM(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
	apply(t, s, scale()...)
	got, err := s.CheckIPAM()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(store.IPAMReport{Revision: 1, Ports: 3, Locks: 3, Blocks: 2}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestCheckIPAMFinds damages the file of a running store.
func TestCheckIPAMFinds(t *testing.T) {
	flat := string(lockKey(topology.FirstAllocatedVNI, netip.MustParsePrefix("10.0.0.2/32")))
	for _, tt := range []struct {
		name, bucket, key, value string
		want                     []string
	}{
		{"lock lost", "locks", flat, "", []string{"address 10.0.0.2 of VNI 4096 of port/roaming is not locked"}},
		{"lock leaked", "locks", string(lockKey(7, netip.MustParsePrefix("10.0.0.9/32"))), "ghost", []string{"address 10.0.0.9 of VNI 7 is locked for port/ghost, which does not have it"}},
		{"lock of another", "locks", flat, "web", []string{"address 10.0.0.2 of VNI 4096 is locked for port/web, but port/roaming has it"}},
		{"no lock", "locks", "x", "web", []string{"lock 78 is locked for port/web, which does not have it"}},
		{"port lost", "ports", "roaming", "", []string{
			"the file has 2 ports, memory 3",
			"address 10.0.0.2 of VNI 4096 is locked for port/roaming, which does not have it",
		}},
		{"address held twice", "ports", "zz", `{"spec":{"network":"flat"},"addresses":["10.0.0.2"],"mac":"02:00:00:00:00:01"}`, []string{
			"port/zz: its address 10.0.0.2 of VNI 4096 is also that of port/roaming",
			"the file has 4 ports, memory 3",
		}},
		{"network lost", "networks", "flat", "", []string{
			`port/roaming: its addresses [10.0.0.2], or its network "flat", are not in the file`,
			"address 10.0.0.2 of VNI 4096 is locked for port/roaming, which does not have it",
		}},
		{"block lost", "blocks", "pods\x00n1", "", []string{"the file has 1 blocks, memory 2"}},
		{"block of another", "blocks", "pods\x00n1", `{"ranges":[{"cidr":"10.244.9.0/24","gateway":"10.244.9.1"}]}`, []string{"block of network/pods on node/n1: memory does not have it as the file does"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
			apply(t, s, scale()...)
			err := s.db.Update(func(tx *bolt.Tx) error {
				if tt.value == "" {
					return tx.Bucket([]byte(tt.bucket)).Delete([]byte(tt.key))
				}
				return tx.Bucket([]byte(tt.bucket)).Put([]byte(tt.key), []byte(tt.value))
			})
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.CheckIPAM()
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, got.Differences); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

// TestCheckIPAMIsBounded: a wholly broken file does not make an endless answer.
func TestCheckIPAMIsBounded(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
	err := s.db.Update(func(tx *bolt.Tx) error {
		for i := range maxDifferences + 5 {
			if err := tx.Bucket([]byte(bucketLocks)).Put(fmt.Appendf(nil, "%07d", i), []byte("ghost")); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.CheckIPAM()
	if err != nil || len(r.Differences) != maxDifferences+1 || r.Differences[maxDifferences] != "and 5 more" {
		t.Errorf("%d differences, %v", len(r.Differences), err)
	}
}

// TestCheckIPAMUnderLoad: a check during commits sees one moment of both.
func TestCheckIPAMUnderLoad(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "sdnd.db"))
	apply(t, s, put(topology.KindNetwork, "a", network("10.0.0.0/16")))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := s.Apply(context.Background(), "load", []topology.Op{put(topology.KindPort, fmt.Sprint("p", i), topology.PortSpec{Network: "a"})}); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	for range 50 {
		r, err := s.CheckIPAM()
		if err != nil || len(r.Differences) > 0 || topology.Revision(r.Ports)+1 != r.Revision {
			t.Fatalf("revision %d, %d ports: %s, %v", r.Revision, r.Ports, strings.Join(r.Differences, "; "), err)
		}
	}
	close(stop)
	<-stopped
}
