package cli

import (
	"strings"

	"github.com/sdnctl/sdnctl/controller/api"
)

// kubectlVerb returns sdnctl's verb for a verb that kubectl writes before the kind, or ""
// for another word.
func kubectlVerb(word string) string {
	switch word {
	case "get":
		return "list"
	case "describe":
		return "show"
	case "create", "delete", "set":
		return word
	}
	return ""
}

// translate turns a command line in kubectl's order, "get ports" or "delete port/web", into
// sdnctl's, "port list" and "port delete web". It returns any other unchanged.
func translate(args []string) []string {
	if len(args) < 2 || kubectlVerb(args[0]) == "" {
		return args
	}
	verb, word, rest := kubectlVerb(args[0]), args[1], args[2:]
	word, name, named := strings.Cut(word, "/")
	kind, err := api.ParseKind(word)
	if err != nil {
		return args
	}
	if named {
		rest = append([]string{name}, rest...)
	}
	if args[0] == "get" && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		verb = "show"
	}
	return append([]string{kind.Lower(), verb}, rest...)
}
