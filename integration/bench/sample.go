package bench

import (
	"fmt"
	"slices"
	"time"
)

// samples are the times of repetitions of the same operation.
type samples []time.Duration

// at returns the q-quantile, with q from 0 to 1, in the unit; 0 without samples.
func (s samples) at(q float64, unit time.Duration) float64 {
	if len(s) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s))
	return float64(sorted[int(q*float64(len(sorted)-1)+0.5)]) / float64(unit)
}

// p50 returns the median as a figure, with other quantiles as detail.
func (s samples) p50(unit time.Duration) Figure {
	return Value(s.at(0.5, unit)).With("p95 %s, p99 %s, n %d", number(s.at(0.95, unit)), number(s.at(0.99, unit)), len(s))
}

// p99 returns the 99th percentile as a figure.
func (s samples) p99(unit time.Duration) Figure {
	return Value(s.at(0.99, unit)).With("n %d", len(s))
}

// best returns the smallest sample as a figure. It is for long operations with few samples,
// which other load on the machine can only make longer.
func (s samples) best(unit time.Duration) Figure {
	if len(s) == 1 {
		return Value(s.at(0, unit)).With("once")
	}
	return Value(s.at(0, unit)).With("best of %d, worst %s", len(s), number(s.at(1, unit)))
}

// timed calls f n times and returns how long each took.
func timed(n int, f func() error) (samples, error) {
	var s samples
	for i := range n {
		start := time.Now()
		if err := f(); err != nil {
			return s, fmt.Errorf("sample %d: %w", i+1, err)
		}
		s = append(s, time.Since(start))
	}
	return s, nil
}
