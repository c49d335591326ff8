package topology

import (
	"math/big"
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

func (n number) big() *big.Int {
	b := new(big.Int).SetUint64(n.high)
	return b.Lsh(b, 64).Or(b, new(big.Int).SetUint64(n.low))
}

// TestNumbers compares the arithmetic with that of math/big.
func TestNumbers(t *testing.T) {
	half := rapid.OneOf(rapid.Uint64(), rapid.SampledFrom([]uint64{0, 1, 1<<64 - 1, 1<<64 - 2, 1 << 63}))
	all := new(big.Int).Lsh(big.NewInt(1), 128)
	rapid.Check(t, func(t *rapid.T) {
		a, b := number{half.Draw(t, "a"), half.Draw(t, "a")}, number{half.Draw(t, "b"), half.Draw(t, "b")}
		by := rapid.IntRange(0, 127).Draw(t, "by")
		mod := func(x *big.Int) *big.Int { return x.Mod(x, all) }
		for _, tt := range []struct {
			what string
			got  number
			want *big.Int
		}{
			{"plus", a.plus(b), mod(new(big.Int).Add(a.big(), b.big()))},
			{"minus", a.minus(b), mod(new(big.Int).Sub(a.big(), b.big()))},
			{"right", a.shiftRight(by), new(big.Int).Rsh(a.big(), uint(by))},
			{"left", a.shiftLeft(by), mod(new(big.Int).Lsh(a.big(), uint(by)))},
			{"ones", ones(by), new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(by)), big.NewInt(1))},
		} {
			if tt.got.big().Cmp(tt.want) != 0 {
				t.Fatalf("%s of %x, %x and %d: %x, want %x", tt.what, a, b, by, tt.got, tt.want)
			}
		}
		if a.compare(b) != a.big().Cmp(b.big()) || a.less(b) != (a.compare(b) < 0) {
			t.Fatalf("%x and %x are not ordered", a, b)
		}
		if n, ok := a.next(); ok != (a != number{1<<64 - 1, 1<<64 - 1}) || ok && n.minus(a) != (number{low: 1}) {
			t.Fatalf("after %x: %x, %v", a, n, ok)
		}
		if n, ok := a.previous(); ok != (a != number{}) || ok && a.minus(n) != (number{low: 1}) {
			t.Fatalf("before %x: %x, %v", a, n, ok)
		}
	})
}

func TestNumbersOfAddresses(t *testing.T) {
	for _, text := range []string{"0.0.0.0", "10.0.0.1", "255.255.255.255", "::", "fd00::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"} {
		a := netip.MustParseAddr(text)
		if back := numberOf(a).addr(); back != a {
			t.Errorf("%s became %s", a, back)
		}
	}
	for _, tt := range [][3]string{
		{"10.0.0.0/24", "10.0.0.0", "10.0.0.255"}, {"fd00::/64", "fd00::", "fd00::ffff:ffff:ffff:ffff"},
		{"fd00:0:0:1::/56", "fd00::", "fd00::ff:ffff:ffff:ffff:ffff"}, {"fd00::7/128", "fd00::7", "fd00::7"},
	} {
		s := spanOf(netip.MustParsePrefix(tt[0]))
		if s.from.addr().String() != tt[1] || s.to.addr().String() != tt[2] {
			t.Errorf("%s: %s-%s", tt[0], s.from.addr(), s.to.addr())
		}
	}
}
