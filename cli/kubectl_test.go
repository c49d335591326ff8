package cli

import (
	"strings"
	"testing"
)

func TestTranslate(t *testing.T) {
	for line, want := range map[string]string{
		"get ports":                      "port list",
		"get Port -o wide -l app=web":    "port list -o wide -l app=web",
		"get port web -o yaml":           "port show web -o yaml",
		"get port/web":                   "port show web",
		"describe node node1":            "node show node1",
		"delete port web --wait":         "port delete web --wait",
		"create network blue --cidr x":   "network create blue --cidr x",
		"get":                            "get",
		"get pods":                       "get pods",
		"get --help":                     "get --help",
		"port list":                      "port list",
		"apply -f x":                     "apply -f x",
		"show port web":                  "show port web",
		"__complete get ports":           "__complete get ports",
		"set port web --label a=b":       "port set web --label a=b",
		"":                               "",
		"--host unix:///x get port":      "--host unix:///x get port",
		"get routers main other -o json": "router show main other -o json",
		"delete node --cascade node1":    "node delete --cascade node1",
		"get network --no-headers":       "network list --no-headers",
		"describe networks/blue -o json": "network show blue -o json",
	} {
		if got := strings.Join(translate(strings.Fields(line)), " "); got != want {
			t.Errorf("%q becomes %q, want %q", line, got, want)
		}
	}
}
