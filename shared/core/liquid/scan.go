package liquid

import (
	"strings"
	"unicode"
)

type tokenKind int

const (
	textToken tokenKind = iota
	outputToken
	tagToken
)

// token is a part of a template: plain text, {{ an output }} or {% a tag %}.
type token struct {
	kind tokenKind
	line int
	text string // the text, or what an output or a tag's name is followed by
	name string // of a tag
	// unpaired says that the tag has a content but no end tag, or that it is an end tag without a beginning.
	unpaired bool
}

// scanner splits a template into tokens.
type scanner struct {
	source   string
	at, line int
	markup   int // bytes of tags and outputs
	tokens   []token
	trimNext bool // the markup before ended with "-"
	// ends are where the next end of an output and of a tag is; len(source) if there is none. Without them a template whose
	// markup is never closed would be read once for each.
	ends [2]int
	errs *errorList
}

func scan(source string, errs *errorList) []token {
	s := &scanner{source: source, line: 1, errs: errs}
	for s.at < len(s.source) {
		if len(s.tokens) > maxTokens || s.markup > maxMarkupBytes {
			errs.add(s.line, errTooManyTokens, "")
			break
		}
		s.next()
	}
	return s.tokens
}

// next reads the text up to the next markup, and the markup.
func (s *scanner) next() {
	rest := s.source[s.at:]
	start := indexMarkup(rest)
	if start < 0 {
		s.addText(rest, false)
		s.advance(len(rest))
		return
	}
	kind, end := outputToken, "}}"
	if rest[start+1] == '%' {
		kind, end = tagToken, "%}"
	}
	length := s.endOf(kind, end, s.at+start+2) - (s.at + start + 2)
	if s.at+start+2+length == len(s.source) {
		length = -1
	}
	inner := -1
	if length >= 0 {
		inner = indexInnerMarkup(rest[start+2 : start+2+length])
	}
	s.addText(rest[:start], strings.HasPrefix(rest[start+2:], "-"))
	s.advance(start)
	if length < 0 || inner >= 0 { // the rest of the line is left out, up to the next markup
		s.errs.add(s.line, errNotClosed, rest[start:start+2]+" needs "+end)
		line, _, _ := strings.Cut(rest[start:], "\n")
		if inner >= 0 {
			line = line[:min(len(line), inner+2)]
		}
		s.advance(len(line))
		return
	}
	t := token{kind: kind, line: s.line, text: s.trimMarkers(rest[start+2 : start+2+length])}
	s.advance(length + 4)
	s.markup += length
	if kind == tagToken {
		t = splitTag(t)
		if s.skipsContent(t) {
			return
		}
	}
	s.tokens = append(s.tokens, t)
}

// endOf returns where the first end of markup is from a position on, or len(s.source).
func (s *scanner) endOf(kind tokenKind, end string, from int) int {
	next := &s.ends[kind-outputToken]
	if *next < from {
		*next = len(s.source)
		if i := strings.Index(s.source[from:], end); i >= 0 {
			*next = from + i
		}
	}
	return *next
}

// indexMarkup returns where the first {{ or {% begins, or -1.
func indexMarkup(s string) int {
	for from := 0; ; {
		i := strings.IndexByte(s[from:], '{')
		if i < 0 || from+i+1 >= len(s) {
			return -1
		}
		from += i
		if s[from+1] == '{' || s[from+1] == '%' {
			return from
		}
		from++
	}
}

// indexInnerMarkup returns where other markup begins in an output or a tag, which was then never closed, or -1. Quoted texts and
// comments may contain markup.
func indexInnerMarkup(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '#':
			return -1
		case '"', '\'':
			end := strings.IndexByte(s[i+1:], s[i])
			if end < 0 {
				return -1
			}
			i += end + 1
		case '{':
			if strings.HasPrefix(s[i:], "{{") || strings.HasPrefix(s[i:], "{%") {
				return i
			}
		}
	}
	return -1
}

func (s *scanner) advance(n int) {
	s.line += strings.Count(s.source[s.at:s.at+n], "\n")
	s.at += n
}

// addText adds plain text. trimEnd says that the markup after it begins with "-".
func (s *scanner) addText(text string, trimEnd bool) {
	line := s.line
	if s.trimNext {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
	}
	if trimEnd {
		text = strings.TrimRightFunc(text, unicode.IsSpace)
	}
	s.trimNext = false
	if text != "" {
		s.tokens = append(s.tokens, token{kind: textToken, line: line, text: text})
	}
}

// trimMarkers removes the signs of whitespace control from markup, and takes note of the last one.
func (s *scanner) trimMarkers(markup string) string {
	markup = strings.TrimPrefix(markup, "-")
	trimmed, found := strings.CutSuffix(markup, "-")
	s.trimNext = found
	return trimmed
}

// splitTag separates the name of a tag from what follows it. An inline comment has the name "#".
func splitTag(t token) token {
	text := strings.TrimLeftFunc(t.text, unicode.IsSpace)
	t.line += strings.Count(t.text[:len(t.text)-len(text)], "\n")
	if strings.HasPrefix(text, "#") {
		t.name, t.text = "#", text[1:]
		return t
	}
	end := strings.IndexFunc(text, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if end < 0 {
		end = len(text)
	}
	t.name, t.text = text[:end], text[end:]
	return t
}

// nextTag returns the name of the first tag in a text, and where the tag begins, which is -1 if there is none.
func nextTag(s string) (name string, start int) {
	start = strings.Index(s, "{%")
	if start < 0 {
		return "", -1
	}
	text := strings.TrimLeftFunc(strings.TrimPrefix(s[start+2:], "-"), unicode.IsSpace)
	length := strings.IndexFunc(text, func(r rune) bool { return r < 'a' || r > 'z' })
	return text[:max(length, 0)], start
}

// endOfTag returns where the tag at the beginning of a text ends, or -1.
func endOfTag(s string) int {
	if i := strings.Index(s, "%}"); i >= 0 {
		return i + 2
	}
	return -1
}

// skipsContent reads the content of raw, comment and doc, which is not a template. It reports whether t was such a tag.
func (s *scanner) skipsContent(t token) bool {
	rest := s.source[s.at:]
	switch t.name {
	case "raw":
		start, end := endOfRaw(rest)
		if end < 0 {
			s.errs.add(t.line, errNotClosed, "raw needs endraw")
			start, end = len(rest), len(rest)
		}
		s.addText(rest[:start], strings.HasPrefix(rest[start:], "{%-"))
		s.advance(end)
		s.trimNext = strings.HasSuffix(rest[:end], "-%}")
		return true
	case "comment", "doc":
		end := endOfComment(rest, t.name)
		if end < 0 {
			s.errs.add(t.line, errNotClosed, t.name+" needs end"+t.name)
			end = len(rest)
		}
		s.advance(end)
		s.trimNext = strings.HasSuffix(rest[:end], "-%}")
		return true
	}
	return false
}

// endOfRaw returns where the end tag of raw begins and ends; the end is -1 if there is none.
func endOfRaw(s string) (start, end int) {
	for at := 0; ; at += 2 {
		name, start := nextTag(s[at:])
		if start < 0 {
			return 0, -1
		}
		at += start
		if name == "endraw" {
			end := endOfTag(s[at:])
			if end < 0 {
				return 0, -1
			}
			return at, at + end
		}
	}
}

// endOfComment returns where the content of a comment and its end tag end, or -1. Comments can be nested, and what is raw in
// one is not read.
func endOfComment(s, name string) int {
	depth, raw := 1, false
	for at := 0; ; {
		tag, start := nextTag(s[at:])
		if start < 0 {
			return -1
		}
		at += start + 2
		switch {
		case raw:
			raw = tag != "endraw"
			continue
		case tag == "raw" && name == "comment":
			raw = true
			continue
		case tag == name:
			depth++
		case tag == "end"+name:
			depth--
		default:
			continue
		}
		end := endOfTag(s[at:])
		if end < 0 {
			return -1
		}
		if at += end; depth == 0 {
			return at
		}
	}
}
