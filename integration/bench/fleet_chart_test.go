package bench

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
)

// TestChart: the drawing is well-formed XML, begins at 100 % and ends there, at
// the right edge of what it covers.
func TestChart(t *testing.T) {
	svg := string(chart{title: "a & b", x: "s", y: "%", points: []point{{0, 100}, {0.5, 0}, {2, 100}}}.svg())
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in:\n%s", err, svg)
		}
	}
	if want := `d="M60.0 40.0H220.0V310.0H700.0V40.0"`; !strings.Contains(svg, want) {
		t.Errorf("no curve %s in:\n%s", want, svg)
	}
}

func TestTick(t *testing.T) {
	for _, tt := range []struct{ most, want float64 }{{1, 0.1}, {1.2, 0.2}, {2.5, 0.5}, {7, 1}, {23, 5}, {99, 10}} {
		if got := tick(tt.most); got != tt.want {
			t.Errorf("tick(%v) = %v, want %v", tt.most, got, tt.want)
		}
	}
}
