package worker

import (
	"slices"
	"testing"

	"github.com/sdnctl/sdnctl/controller/pipeline"
	"github.com/sdnctl/sdnctl/openflow"
)

func TestDifference(t *testing.T) {
	wanted := func(cs ...openflow.Cookie) (es []pipeline.Item) {
		for _, c := range cs {
			es = append(es, pipeline.Item{Sum: pipeline.Sum(c)})
		}
		return es
	}
	installed := func(cs ...openflow.Cookie) (hs []installedItem) {
		for _, c := range cs {
			hs = append(hs, installedItem{sum: pipeline.Sum(c)})
		}
		return hs
	}
	type cookies = []openflow.Cookie
	tests := []struct {
		name      string
		installed []installedItem
		wanted    []pipeline.Item
		foreign   []installedItem
		missing   cookies
	}{
		{"equal", installed(1, 2, 3), wanted(1, 2, 3), nil, nil},
		{"empty switch", nil, wanted(1, 2), nil, cookies{1, 2}},
		{"nothing wanted", installed(0, 0, 7), nil, installed(0, 7), nil},
		{"one cookie in two tables", []installedItem{{sum: 0, table: 1, altered: true}, {sum: 0, table: 1, altered: true}, {sum: 0, table: 4, altered: true}}, nil, []installedItem{{sum: 0, table: 1, altered: true}, {sum: 0, table: 4, altered: true}}, nil},
		{"both", installed(0, 2, 4, 9), wanted(1, 2, 5), installed(0, 4, 9), cookies{1, 5}},
		{"ours twice", installed(2, 2, 3), wanted(2, 3), installed(2), cookies{2}},
		{"ours in another table", []installedItem{{sum: 2, table: 7, altered: false}}, wanted(2), []installedItem{{sum: 2, table: 7, altered: false}}, cookies{2}},
		{"altered", []installedItem{{sum: 2, table: 0, altered: true}, {sum: 3, table: 0, altered: false}}, wanted(2, 3), []installedItem{{sum: 2, table: 0, altered: true}}, cookies{2}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			foreign, missing := difference(tt.installed, tt.wanted)
			var gone cookies
			for _, e := range missing {
				gone = append(gone, e.Cookie())
			}
			if !slices.Equal(foreign, tt.foreign) || !slices.Equal(gone, tt.missing) {
				t.Errorf("foreign %v, missing %v; want %v, %v", foreign, gone, tt.foreign, tt.missing)
			}
		})
	}
}
