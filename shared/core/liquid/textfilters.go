package liquid

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// ofText makes a filter of a text that returns a text of at most so many times its length.
func ofText(growth int, f func(string) string) *filter {
	return &filter{run: func(a arguments, v any) (any, error) {
		s, err := a.r.textOf(v)
		if err == nil {
			err = a.r.fits(growth * len(s))
		}
		if err != nil {
			return nil, err
		}
		result := f(s)
		return result, a.r.made(max(len(s), len(result))) // also what it made of the text on the way
	}}
}

// ofTexts makes a filter of a text and the given number of other texts.
func ofTexts(n int, f func(a arguments, s string, args []string) (any, error)) *filter {
	return &filter{min: n, max: n, run: func(a arguments, v any) (any, error) {
		s, err := a.r.textOf(v)
		if err != nil {
			return nil, err
		}
		args := make([]string, n)
		for i := range args {
			if args[i], err = a.text(i, ""); err != nil {
				return nil, err
			}
		}
		return f(a, s, args)
	}}
}

var textFilters = map[string]*filter{
	"append":   ofTexts(1, func(a arguments, s string, args []string) (any, error) { return a.join(s, args[0]) }),
	"prepend":  ofTexts(1, func(a arguments, s string, args []string) (any, error) { return a.join(args[0], s) }),
	"upcase":   ofText(2, strings.ToUpper),
	"downcase": ofText(2, strings.ToLower),
	"capitalize": ofText(2, func(s string) string {
		_, first := utf8.DecodeRuneInString(s)
		return strings.ToUpper(s[:first]) + strings.ToLower(s[first:])
	}),
	"strip":          ofText(1, strings.TrimSpace),
	"lstrip":         ofText(1, func(s string) string { return strings.TrimLeftFunc(s, unicode.IsSpace) }),
	"rstrip":         ofText(1, func(s string) string { return strings.TrimRightFunc(s, unicode.IsSpace) }),
	"squish":         ofText(1, func(s string) string { return firstWords(s, math.MaxInt) }),
	"strip_newlines": ofText(1, strings.NewReplacer("\r\n", "", "\n", "").Replace),
	"newline_to_br":  ofText(7, strings.NewReplacer("\r\n", "<br />\n", "\n", "<br />\n").Replace),
	"strip_html":     ofText(1, stripHTML),
	"handleize":      ofText(2, handle),
	"handle":         ofText(2, handle),

	"replace":       ofTexts(2, func(a arguments, s string, args []string) (any, error) { return a.replace(s, args[0], args[1], -1) }),
	"replace_first": ofTexts(2, func(a arguments, s string, args []string) (any, error) { return a.replace(s, args[0], args[1], 1) }),
	"replace_last":  ofTexts(2, func(a arguments, s string, args []string) (any, error) { return a.replaceLast(s, args[0], args[1]) }),
	"remove":        ofTexts(1, func(a arguments, s string, args []string) (any, error) { return a.replace(s, args[0], "", -1) }),
	"remove_first":  ofTexts(1, func(a arguments, s string, args []string) (any, error) { return a.replace(s, args[0], "", 1) }),
	"remove_last":   ofTexts(1, func(a arguments, s string, args []string) (any, error) { return a.replaceLast(s, args[0], "") }),

	"split":         ofTexts(1, splitFilter),
	"truncate":      {max: 2, run: truncateFilter},
	"truncatewords": {max: 2, run: truncateWordsFilter},
	"pluralize":     {min: 2, max: 2, run: pluralizeFilter},
}

// join returns two texts as one.
func (a arguments) join(s, t string) (any, error) {
	if err := a.r.made(len(s) + len(t)); err != nil {
		return nil, err
	}
	return s + t, nil
}

// replace replaces the first n occurrences, or all if n is negative.
func (a arguments) replace(s, old, with string, n int) (any, error) {
	if err := a.r.read(len(s)); err != nil {
		return nil, err
	}
	count := strings.Count(s, old) // of an empty text: one for each character, and one
	if n >= 0 {
		count = min(count, n)
	}
	if len(with) > 0 && count > maxBytes/len(with) {
		return nil, errBytes
	}
	if err := a.r.made(len(s) + count*(len(with)-len(old))); err != nil {
		return nil, err
	}
	return strings.Replace(s, old, with, n), nil
}

func (a arguments) replaceLast(s, old, with string) (any, error) {
	i := strings.LastIndex(s, old)
	if i < 0 {
		return s, a.r.read(len(s))
	}
	if err := a.r.made(len(s) - len(old) + len(with)); err != nil {
		return nil, err
	}
	return s[:i] + with + s[i+len(old):], nil
}

// splitFilter splits a text. As in Ruby, a space stands for any white space, and empty texts at the end are left out.
func splitFilter(a arguments, s string, args []string) (any, error) {
	separator := args[0]
	if err := a.r.read(len(s)); err != nil {
		return nil, err
	}
	if err := a.r.list(strings.Count(s, separator) + 1); err != nil {
		return nil, err
	}
	var pieces []string
	if separator == " " {
		pieces = strings.Fields(s)
	} else {
		pieces = strings.Split(s, separator)
	}
	for len(pieces) > 0 && pieces[len(pieces)-1] == "" {
		pieces = pieces[:len(pieces)-1]
	}
	list := make([]any, len(pieces))
	for i, piece := range pieces {
		list[i] = piece
	}
	return list, nil
}

// truncateFilter cuts a text to a length, which the ellipsis counts for.
func truncateFilter(a arguments, v any) (any, error) {
	s, err := a.r.textOf(v)
	if err != nil {
		return nil, err
	}
	ellipsis, err := a.text(1, "...")
	if err != nil {
		return nil, err
	}
	length := a.number(0, 50)
	if int64(utf8.RuneCountInString(s)) <= length {
		return s, nil
	}
	rest := length - int64(utf8.RuneCountInString(ellipsis))
	for i := range s {
		if rest <= 0 {
			return a.join(s[:i], ellipsis)
		}
		rest--
	}
	return a.join(s, ellipsis)
}

func truncateWordsFilter(a arguments, v any) (any, error) {
	s, err := a.r.textOf(v)
	if err != nil {
		return nil, err
	}
	ellipsis, err := a.text(1, "...")
	if err == nil {
		err = a.r.fits(len(s))
	}
	if err != nil {
		return nil, err
	}
	n := int(min(max(a.number(0, 15), 1), maxBytes))
	words := 0
	for range strings.FieldsSeq(s) {
		if words++; words > n {
			return a.join(firstWords(s, n), ellipsis)
		}
	}
	return s, nil
}

// firstWords returns the first n words of a text with one space between them.
func firstWords(s string, n int) string {
	var b strings.Builder
	b.Grow(len(s))
	for word := range strings.FieldsSeq(s) {
		if n--; n < 0 {
			break
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(word)
	}
	return b.String()
}

func pluralizeFilter(a arguments, v any) (any, error) {
	if toNumber(v) == int64(1) || toNumber(v) == 1.0 {
		return a.at(0), nil
	}
	return a.at(1), nil
}

// handle turns a text into lower-case words of a to z and digits, with hyphens between.
func handle(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	isBetween := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') }
	for word := range strings.FieldsFuncSeq(strings.ToLower(s), isBetween) {
		if b.Len() > 0 {
			b.WriteByte('-')
		}
		b.WriteString(word)
	}
	return b.String()
}

// stripHTML removes tags, comments, scripts and styles.
func stripHTML(s string) string {
	if !strings.Contains(s, "<") {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	var missing []string // ends that the rest of the text does not have
	for {
		start := strings.IndexByte(s, '<')
		if start < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:start])
		s = s[start:]
		cut := 0
		for _, pair := range [][2]string{{"<script", "</script>"}, {"<!--", "-->"}, {"<style", "</style>"}, {"<", ">"}} {
			if !strings.HasPrefix(s, pair[0]) || slices.Contains(missing, pair[1]) {
				continue
			}
			if i := strings.Index(s, pair[1]); i >= 0 {
				cut = i + len(pair[1])
				break
			}
			missing = append(missing, pair[1])
		}
		if cut == 0 { // no end: it is not HTML
			cut = 1
			b.WriteByte('<')
		}
		s = s[cut:]
	}
}
