package erasure

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.com/aurora/shared/core/aurora"
)

// Erased stands in a text for a number that was removed from it.
const Erased = "[erased]"

const (
	minDigits = 7 // of a number that is looked for without its country code: a shorter one is found by chance
	maxCode   = 3 // digits of a country code
	maxGap    = 4 // characters between two digits of one number
)

// matcher finds one number in texts, however it is written in digits.
type matcher struct {
	phone     aurora.Phone
	spellings []aurora.Phone
	targets   []target // the longest first
	core      string   // the last digits of every target
}

// target is one way to write the digits of the number.
type target struct {
	digits string
	bare   bool // without the country code
}

func newMatcher(n aurora.Phone) matcher {
	m := matcher{phone: n, spellings: n.Spellings()}
	for _, spelling := range m.spellings {
		digits, national := strings.TrimPrefix(string(spelling), "+"), spelling.National()
		for _, t := range []target{{digits, false}, {"00" + digits, false}, {"011" + digits, false}, {national, true}, {"0" + national, true}} {
			if len(strings.TrimLeft(t.digits, "0")) >= minDigits && !slices.Contains(m.targets, t) {
				m.targets = append(m.targets, t)
			}
		}
	}
	slices.SortFunc(m.targets, func(a, b target) int { return cmp.Or(len(b.digits)-len(a.digits), cmp.Compare(a.digits, b.digits)) })
	m.core = m.targets[0].digits
	for _, t := range m.targets {
		for !strings.HasSuffix(t.digits, m.core) {
			m.core = m.core[1:]
		}
	}
	return m
}

// is reports whether a text is the number.
func (m matcher) is(s string) bool {
	if s == "" {
		return false
	}
	p, ok := aurora.ParsePhone(s)
	return ok && slices.Contains(m.spellings, p) || slices.Contains(m.spellings, aurora.Phone(s))
}

// digit is one digit of a text and where it stands.
type digit struct{ from, to int }

// span is a place in a text.
type span struct {
	from, to int
	literal  bool // a number of a JSON document that is not inside a string
}

// find returns where the number stands in a text, in order. In JSON an escaped character counts as what it stands for.
func (m matcher) find(s string, isJSON bool) []span {
	values, places := digitsOf(s, isJSON)
	var found []span
	for at := 0; ; {
		i := strings.Index(values[at:], m.core)
		if i < 0 {
			break
		}
		last := at + i + len(m.core) - 1
		at += i + 1
		for _, t := range m.targets {
			first := last - len(t.digits) + 1
			if first < 0 || values[first:last+1] != t.digits || !isNumber(s, places, first, last, t.bare) {
				continue
			}
			found = append(found, span{from: beginOf(s, places[first].from), to: places[last].to})
			break
		}
	}
	if isJSON && len(found) > 0 {
		markLiterals(s, found)
	}
	return found
}

// digitsOf returns all digits of a text, and the place of each.
func digitsOf(s string, isJSON bool) (string, []digit) {
	var values strings.Builder
	var places []digit
	for i := 0; i < len(s); {
		r, size := rune(s[i]), 1
		switch {
		case r >= utf8.RuneSelf:
			r, size = utf8.DecodeRuneInString(s[i:])
		case isJSON && r == '\\':
			r, size = unescape(s[i:])
		}
		if d, ok := aurora.Digit(r); ok {
			values.WriteByte(d)
			places = append(places, digit{i, i + size})
		}
		i += size
	}
	return values.String(), places
}

// unescape reads an escaped character of JSON, which begins with a backslash.
func unescape(s string) (rune, int) {
	if len(s) >= 6 && s[1] == 'u' {
		if n, err := strconv.ParseUint(s[2:6], 16, 32); err == nil {
			return rune(n), 6
		}
	}
	if len(s) > 1 && s[1] == '/' {
		return '/', 2
	}
	return '\\', min(2, len(s)) // n, t and the like are no digits
}

// isNumber reports whether digits of a text are a number of their own: only separators stand between them, and no further
// digit touches them. A number without its country code must not be the end of another country's number.
func isNumber(s string, places []digit, first, last int, bare bool) bool {
	for i := first; i < last; i++ {
		if !isGap(s[places[i].to:places[i+1].from]) {
			return false
		}
	}
	if first > 0 && places[first-1].to == places[first].from || last+1 < len(places) && places[last].to == places[last+1].from {
		return false
	}
	return !bare || !followsCode(s, places, first)
}

// followsCode reports whether a plus and at most a country code stand before a digit.
func followsCode(s string, places []digit, first int) bool {
	i := first
	for i > 0 && first-i <= maxCode && isGap(s[places[i-1].to:places[i].from]) {
		i--
	}
	return first-i <= maxCode && strings.HasSuffix(strings.TrimRight(s[:places[i].from], "("), "+")
}

// isGap reports whether a text may stand between two digits of one number. A zero byte does in UTF-16, which a body that could not
// be read may be in.
func isGap(s string) bool {
	n := 0
	for _, r := range strings.NewReplacer(`\u00a0`, " ", `\u2011`, "-", `\/`, "/").Replace(s) {
		if n++; n > maxGap || !strings.ContainsRune(" .-/()\x00", r) && !unicode.Is(unicode.Zs, r) && !unicode.Is(unicode.Pd, r) && !unicode.Is(unicode.Cf, r) {
			return false
		}
	}
	return true
}

// beginOf returns where a number begins whose first digit stands at a place: at its plus or parenthesis.
func beginOf(s string, at int) int {
	for at > 0 && (s[at-1] == '+' || s[at-1] == '(') {
		at--
	}
	return at
}

// markLiterals marks the places that are not inside a string of a JSON document.
func markLiterals(s string, found []span) {
	inside, at := false, 0
	for i := range found {
		for ; at < found[i].from; at++ {
			switch {
			case s[at] == '\\':
				at++
			case s[at] == '"':
				inside = !inside
			}
		}
		if found[i].literal = !inside; inside {
			continue
		}
		const number = "0123456789+-.eE" // all of it becomes null
		for f := &found[i]; f.from > 0 && strings.IndexByte(number, s[f.from-1]) >= 0; {
			f.from--
		}
		for f := &found[i]; f.to < len(s) && strings.IndexByte(number, s[f.to]) >= 0; {
			f.to++
		}
	}
}

// in reports whether the number stands in a text.
func (m matcher) in(s string) bool { return len(m.find(s, false)) > 0 }

// inBody reports whether the number stands in an object of the bucket.
func (m matcher) inBody(body []byte) bool { return len(m.find(string(body), isJSON(body))) > 0 }

func isJSON(body []byte) bool {
	body = bytes.TrimSpace(body)
	return len(body) > 0 && (body[0] == '{' || body[0] == '[')
}

// remove returns a text with Erased in place of the number.
func (m matcher) remove(s string) string { return replace(s, m.find(s, false)) }

// removeFromBody is remove for an object of the bucket. JSON stays JSON: a number that is not a string becomes null.
func (m matcher) removeFromBody(body []byte) []byte {
	return []byte(replace(string(body), m.find(string(body), isJSON(body))))
}

func replace(s string, found []span) string {
	var b strings.Builder
	at := 0
	for _, f := range found {
		if f.from < at {
			continue
		}
		b.WriteString(s[at:f.from])
		if f.literal {
			b.WriteString("null")
		} else {
			b.WriteString(Erased)
		}
		at = f.to
	}
	b.WriteString(s[at:])
	return b.String()
}

// removeFrom is remove for a value that was read from JSON, at any depth. changed reports whether the number was in it.
func (m matcher) removeFrom(v any) (cleaned any, changed bool) {
	switch v := v.(type) {
	case string:
		text := m.remove(v)
		return text, text != v
	case json.Number:
		if m.in(v.String()) {
			return Erased, true
		}
	case []string: // a set
		list := make([]any, len(v))
		for i, text := range v {
			list[i] = m.remove(text)
		}
		return list, slices.ContainsFunc(v, m.in)
	case []any:
		list := slices.Clone(v)
		for i := range list {
			c, ok := m.removeFrom(list[i])
			list[i], changed = c, changed || ok
		}
		return list, changed
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, value := range v {
			c, ok := m.removeFrom(value)
			cleanName := m.remove(name)
			object[cleanName], changed = c, changed || ok || cleanName != name
		}
		return object, changed
	}
	return v, false
}
