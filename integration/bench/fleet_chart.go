package bench

import (
	"bytes"
	"fmt"
	"html"
	"math"
)

// point is one point of a chart.
type point struct{ x, y float64 }

// chart is one curve of percentages, 0 to 100, over x from 0.
type chart struct {
	title, x, y string
	points      []point // by x
}

// The size of the chart and the position of its plotting area, in pixels.
const (
	chartWidth, chartHeight = 720, 360
	fieldLeft, fieldTop     = 60, 40
	fieldRight, fieldBottom = 700, 310
)

// svg draws the chart, with steps between the points.
func (c chart) svg() []byte {
	most := 1.0
	for _, p := range c.points {
		most = max(most, p.x)
	}
	step := tick(most)
	most = math.Ceil(most/step) * step
	x := func(v float64) float64 { return fieldLeft + v/most*(fieldRight-fieldLeft) }
	y := func(v float64) float64 { return fieldBottom - v/100*(fieldBottom-fieldTop) }
	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", chartWidth, chartHeight)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" fill="white"/>`+"\n", chartWidth, chartHeight)
	fmt.Fprintf(&b, `<text x="%d" y="24" font-size="14">%s</text>`+"\n", fieldLeft, html.EscapeString(c.title))
	for v := 0.0; v <= 100; v += 25 {
		fmt.Fprintf(&b, `<path d="M%d %.1fH%d" stroke="#ddd"/><text x="%d" y="%.1f" text-anchor="end">%.0f</text>`+"\n",
			fieldLeft, y(v), fieldRight, fieldLeft-6, y(v)+4, v)
	}
	for i := 0; float64(i)*step <= most+step/2; i++ {
		v := float64(i) * step
		fmt.Fprintf(&b, `<path d="M%.1f %dv5" stroke="black"/><text x="%.1f" y="%d" text-anchor="middle">%.4g</text>`+"\n",
			x(v), fieldBottom, x(v), fieldBottom+18, v)
	}
	fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", (fieldLeft+fieldRight)/2, chartHeight-10, html.EscapeString(c.x))
	fmt.Fprintf(&b, `<text transform="translate(18 %d) rotate(-90)" text-anchor="middle">%s</text>`+"\n", (fieldTop+fieldBottom)/2, html.EscapeString(c.y))
	b.WriteString(`<path fill="none" stroke="#06c" stroke-width="2" d="`)
	for i, p := range c.points {
		if i == 0 {
			fmt.Fprintf(&b, "M%.1f %.1f", x(p.x), y(p.y))
		} else {
			fmt.Fprintf(&b, "H%.1fV%.1f", x(p.x), y(p.y))
		}
	}
	b.WriteString("\"/>\n</svg>\n")
	return b.Bytes()
}

// tick returns the distance between the marks of an axis up to most: 1, 2 or 5 times a power of
// ten, so that there are at most ten marks.
func tick(most float64) float64 {
	for p := math.Pow(10, math.Floor(math.Log10(most))-1); ; p *= 10 {
		for _, n := range []float64{1, 2, 5} {
			if most/(n*p) <= 10 {
				return n * p
			}
		}
	}
}
