package personaldata

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"example.com/aurora/shared/core/aurora"
)

// Unreadable returns a text that should have been a message, and is no valid JSON, without personal data. What can be read of it
// is redacted as Message does it. The rest has its escapes read, and is redacted as a text. Bytes that are 0 are left out, as in
// UTF-16.
func Unreadable(s string, own []aurora.Phone) string {
	s = strings.ReplaceAll(s, "\x00", "")
	head, rest := "", s
	if start := strings.TrimLeft(s, " \t\r\n"); start != "" && (start[0] == '{' || start[0] == '[') {
		w := newWalker(own)
		root := w.newDocument([]byte(s))
		_ = w.value(root, messageContext()) // what is read before the error counts
		read := root.in.InputOffset()
		w.redactStreams()
		root.text, rest = root.text[:read], s[read:]
		w.applyEdits()
		head = string(root.text)
	}
	rest = members().ReplaceAllStringFunc(rest, redactMember)
	rest = unicodeEscapes().ReplaceAllStringFunc(rest, func(escape string) string {
		r, _ := strconv.ParseUint(escape[len(escape)-4:], 16, 32) // the pattern has four hexadecimal digits
		return string(rune(r))
	})
	return head + Transcript(escapes.Replace(rest))
}

var (
	escapes        = strings.NewReplacer(`\n`, "\n", `\r`, "\n", `\t`, " ", `\/`, "/")
	unicodeEscapes = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\\+u[0-9a-fA-F]{4}`) })
	// members matches a member whose value is a text, which may be cut off: 1 its beginning, 2 the name, 3 the value.
	members = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(["']([^"'\\]{1,60})\\*["']\s*:\s*\\*["'])([^"'\\]+)`)
	})
)

// redactMember returns a member without its value if its name says that the value is personal.
func redactMember(member string) string {
	m := members().FindStringSubmatch(member)
	if m == nil {
		return member
	}
	name := parseName(m[2])
	switch {
	case name.kind != "":
		return m[1] + string(name.kind)
	case name.recording && strings.Contains(m[3], "/"), name.key == "name":
		return m[1] + string(Removed)
	}
	return member
}
