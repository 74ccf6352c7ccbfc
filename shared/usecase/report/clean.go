package report

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// maxCombiningMarks is how many combining marks may stand on one letter. Written languages need three or four.
const maxCombiningMarks = 4

// cleanLine is a foreign text on one line, as it may be shown: valid UTF-8 without control characters and without what would
// turn the reading order of its neighbours, at most limit characters, the last then an ellipsis.
func cleanLine(s string, limit int) string {
	return strings.Join(strings.Fields(cleanLines(s, limit)), " ")
}

// cleanLines is tidy for a text whose line breaks matter. No line of it has space at its ends, and no two are empty in a
// row.
func cleanLines(s string, limit int) string {
	var b strings.Builder
	marks, count, breaks, space := 0, 0, 0, false
	fits := 0             // bytes that leave space for an ellipsis
	for _, r := range s { // what is no UTF-8 comes as U+FFFD
		switch {
		case r == '\n' || r == '\u2028' || r == '\u2029' || r == '\v' || r == '\f' || r == '\u0085':
			breaks++
			space, marks = false, 0
			continue
		case unicode.IsSpace(r):
			space, marks = true, 0
			continue
		case isHidden(r):
			continue
		case unicode.In(r, unicode.Mn, unicode.Me) || r == '\u200c' || r == '\u200d':
			if marks++; marks > maxCombiningMarks {
				continue
			}
		default:
			marks = 0
		}
		between := ""
		switch {
		case b.Len() == 0:
		case breaks > 0:
			between = "\n\n"[:min(breaks, 2)]
		case space:
			between = " "
		}
		space, breaks = false, 0
		if count += len(between) + 1; count > limit {
			return strings.TrimRight(b.String()[:fits], "\u200d\u200c \n") + "…"
		}
		b.WriteString(between)
		b.WriteRune(r)
		if count < limit {
			fits = b.Len()
		}
	}
	return b.String()
}

// isHidden reports whether a character is never shown: control characters, those that embed, override or isolate a
// direction, those without width that are not part of a word, tags, and those that Unicode keeps for no use.
func isHidden(r rune) bool {
	switch {
	case r < 0x20 || r >= 0x7f && r < 0xa0:
		return true
	case r < 0xad:
		return false
	case r == 0xad, r == 0x200b, r >= 0x202a && r <= 0x202e, r >= 0x2060 && r <= 0x206f, r == 0xfeff,
		r >= 0xfff9 && r <= 0xfffb, r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe, r >= 0xe0000 && r <= 0xe007f:
		return true
	}
	return false
}

const maxLinkBytes = 4096

// hostPattern matches a host name in ASCII or an IP address, with or without a port. Letters of other scripts can look
// like these and lead elsewhere.
var hostPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)
})

// safeLink is an address that a page may lead to, in printable ASCII: https, or of public's own origin. Everything else is
// empty.
func safeLink(address, public string) string {
	if len(address) > maxLinkBytes {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil || !hostPattern().MatchString(u.Host) || u.User != nil || u.Opaque != "" {
		return ""
	}
	if u.Scheme != "https" {
		own, err := url.Parse(public)
		if err != nil || u.Scheme != "http" || own.Scheme != "http" || u.Host != own.Host {
			return ""
		}
	}
	var b strings.Builder
	for _, c := range []byte(u.String()) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\"'<>\\^`{|}", c) >= 0 {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	if b.Len() > maxLinkBytes {
		return ""
	}
	return b.String()
}

var languageTagPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}$`)
})

// validLanguageTag is a language tag as an attribute may have it; empty where it is none.
func validLanguageTag(tag string) string {
	if tag = strings.TrimSpace(tag); languageTagPattern().MatchString(tag) {
		return tag
	}
	return ""
}
