package bench

import (
	"fmt"
	"regexp"
)

// field returns the match of the first group of an expression in a text.
func field(text, expression string) (string, error) {
	m := regexp.MustCompile(expression).FindStringSubmatch(text)
	if m == nil {
		return "", fmt.Errorf("no %s in %q", expression, text[:min(len(text), 200)])
	}
	return m[1], nil
}
