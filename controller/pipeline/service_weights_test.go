package pipeline

import "testing"

// TestBucketWeights divides the values of the hash among buckets as Open vSwitch does (OVS
// 3.1, ofproto-dpif.c, group_setup_dp_hash_table: by Webster's method) and wants the shares
// of backends to differ by one value at most, up to 128 of them.
func TestBucketWeights(t *testing.T) {
	for n := 1; n <= 128; n++ {
		weights := bucketWeights(n)
		total, least := 0, hashValues
		for _, w := range weights {
			total, least = total+int(w), min(least, int(w))
		}
		values := 16
		for values < (total+least-1)/least {
			values *= 2
		}
		if values > hashValues {
			t.Fatalf("%d backends need %d values", n, values)
		}
		won := make([]int, len(weights))
		for range values {
			best := 0
			for i, w := range weights {
				if int(w)*(2*won[best]+1) > int(weights[best])*(2*won[i]+1) {
					best = i
				}
			}
			won[best]++
		}
		shares := make([]int, n)
		for i, v := range won {
			shares[min(i, n-1)] += v
		}
		lowest, highest := values, 0
		for _, s := range shares {
			lowest, highest = min(lowest, s), max(highest, s)
		}
		if highest-lowest > 1 || n&(n-1) != 0 && values != hashValues {
			t.Errorf("%d backends: of %d values from %d to %d", n, values, lowest, highest)
		}
	}
}
