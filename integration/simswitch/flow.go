package simswitch

import (
	"hash/maphash"
	"sync"
	"sync/atomic"

	"github.com/sdnctl/sdnctl/openflow"
)

// flow is one flow in the form of a flow statistics entry, with age and counters 0. It is
// immutable, so that all switches of a process can share equal flows.
type flow struct {
	raw []byte
	// key is a hash of table, priority and match.
	key uint64
	// needs are the groups and meters that it uses.
	needs []need
	// installed counts the switches that have the flow.
	installed atomic.Int32
}

// Offsets in ofp_flow_stats (OpenFlow 1.3.5, 7.3.5.2).
const (
	offTable    = 2
	offDuration = 4
	offPriority = 12
	offIdle     = 14
	offHard     = 16
	offFlags    = 18
	offCookie   = 24
	offMatch    = 48 // ofp_match
	offFields   = 52 // the fields in it
)

func (f *flow) table() openflow.TableID { return openflow.TableID(f.raw[offTable]) }
func (f *flow) priority() uint16        { return be.Uint16(f.raw[offPriority:]) }
func (f *flow) flags() uint16           { return be.Uint16(f.raw[offFlags:]) }
func (f *flow) cookie() uint64          { return be.Uint64(f.raw[offCookie:]) }

// fields returns the OXM fields of the match, without header and padding.
func (f *flow) fields() []byte {
	return f.raw[offFields : offMatch+int(be.Uint16(f.raw[offMatch+2:]))]
}

func (f *flow) instructions() []byte {
	return f.raw[offMatch+pad8(int(be.Uint16(f.raw[offMatch+2:]))):]
}

func pad8(n int) int { return (n + 7) &^ 7 }

// sameKey reports whether two flows have the same table, priority and match, so that one
// replaces the other.
func (f *flow) sameKey(g *flow) bool {
	return f.key == g.key && f.table() == g.table() && f.priority() == g.priority() &&
		string(f.fields()) == string(g.fields())
}

// value returns the flow as an openflow.Flow, which refers to the bytes of f.
func (f *flow) value() openflow.Flow {
	return openflow.Flow{
		Table: f.table(), Priority: f.priority(), Cookie: openflow.Cookie(f.cookie()),
		IdleTimeout: be.Uint16(f.raw[offIdle:]), HardTimeout: be.Uint16(f.raw[offHard:]), Flags: f.flags(),
		Match: f.fields(), Instructions: f.instructions(),
	}
}

// poolShards is the number of parts of a Pool, which have locks of their own.
const poolShards = 64

// Pool shares the flows of many switches: a flow-mod that a thousand switches get with the
// same bytes is decoded, checked and kept once. It is safe for concurrent use.
type Pool struct {
	seeds  [2]maphash.Seed
	key    maphash.Seed
	shards [poolShards]poolShard
}

type poolShard struct {
	mu    sync.Mutex
	flows map[wireHash]*flow
	// sweepAt is the number of flows at which unused ones are removed.
	sweepAt int
}

// wireHash identifies the bytes of a flow-mod: two hashes with random seeds, so that
// collisions cannot be constructed.
type wireHash [2]uint64

// NewPool returns an empty Pool.
func NewPool() *Pool {
	p := &Pool{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}, key: maphash.MakeSeed()}
	for i := range p.shards {
		p.shards[i] = poolShard{flows: make(map[wireHash]*flow), sweepAt: 64}
	}
	return p
}

// hash returns the hash of the bytes of a flow-mod from its cookie on.
func (p *Pool) hash(b []byte) wireHash {
	return wireHash{maphash.Bytes(p.seeds[0], b), maphash.Bytes(p.seeds[1], b)}
}

// get returns the flow with a hash, nil if there is none.
func (p *Pool) get(h wireHash) *flow {
	s := &p.shards[h[0]%poolShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flows[h]
}

// put stores a flow under a hash, and returns the stored flow, which may be an equal one that
// another switch has stored.
func (p *Pool) put(h wireHash, f *flow) *flow {
	s := &p.shards[h[0]%poolShards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if other, ok := s.flows[h]; ok {
		return other
	}
	if len(s.flows) >= s.sweepAt {
		for k, old := range s.flows {
			if old.installed.Load() == 0 {
				delete(s.flows, k)
			}
		}
		s.sweepAt = max(64, 2*len(s.flows))
	}
	s.flows[h] = f
	return f
}

// Len returns the number of flows in the pool.
func (p *Pool) Len() int {
	n := 0
	for i := range p.shards {
		p.shards[i].mu.Lock()
		n += len(p.shards[i].flows)
		p.shards[i].mu.Unlock()
	}
	return n
}

// newFlow creates a flow that has the bytes raw, which it keeps, and uses needs.
func (p *Pool) newFlow(raw []byte, needs []need) *flow {
	f := &flow{raw: raw, needs: append([]need(nil), needs...)}
	f.key = maphash.Bytes(p.key, f.fields()) ^ uint64(f.table())<<16 ^ uint64(f.priority())
	return f
}
