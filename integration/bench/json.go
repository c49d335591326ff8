package bench

import (
	"encoding/json"
	"io"
)

// lineJSON is a Line in JSON. Unknown values are omitted.
type lineJSON struct {
	Bench    string      `json:"bench"`
	Section  string      `json:"section"`
	Line     string      `json:"line"`
	Unit     string      `json:"unit,omitempty"`
	Ours     figureJSON  `json:"ours"`
	Baseline string      `json:"baseline,omitempty"`
	Theirs   *figureJSON `json:"theirs,omitempty"`
	Ratio    *float64    `json:"ratio,omitempty"`
	Goal     string      `json:"goal,omitempty"`
	Met      *bool       `json:"met,omitempty"`
	Note     string      `json:"note,omitempty"`
}

type figureJSON struct {
	Value   *float64 `json:"value,omitempty"`
	Detail  string   `json:"detail,omitempty"`
	Missing string   `json:"missing,omitempty"`
}

func (f Figure) json() figureJSON {
	if f.Missing != "" {
		return figureJSON{Missing: f.Missing}
	}
	return figureJSON{Value: &f.Value, Detail: f.Detail}
}

// WriteJSON writes the lines and the machine as one JSON object.
func WriteJSON(w io.Writer, m Machine, lines []Line) error {
	doc := struct {
		Machine Machine    `json:"machine"`
		Lines   []lineJSON `json:"lines"`
	}{Machine: m}
	for _, l := range lines {
		j := lineJSON{
			Bench: l.Bench, Section: l.Section, Line: l.Name, Unit: l.Unit, Ours: l.Ours.json(),
			Baseline: l.Baseline, Goal: l.Goal.String(), Note: l.Note,
		}
		if l.Baseline != "" {
			theirs := l.Theirs.json()
			j.Theirs = &theirs
		}
		if r, ok := l.Ratio(); ok {
			j.Ratio = &r
		}
		if met, known := l.Met(); known {
			j.Met = &met
		}
		doc.Lines = append(doc.Lines, j)
	}
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(doc)
}
