package liquid

import (
	"encoding/base64"
	"net/url"
	"strings"
)

var encodingFilters = map[string]*filter{
	"escape":      ofText(6, escapeHTML),
	"h":           ofText(6, escapeHTML),
	"escape_once": ofText(6, escapeOnce),
	"url_encode":  ofText(3, url.QueryEscape),
	"url_decode":  ofText(1, decodeURL),

	"base64_encode":          ofText(2, func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }),
	"base64_decode":          ofText(1, func(s string) string { return decodeBase64(base64.StdEncoding, s) }),
	"base64_url_safe_encode": ofText(2, func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) }),
	"base64_url_safe_decode": ofText(1, func(s string) string { return decodeBase64(base64.URLEncoding, s) }),
}

// entities are the characters that escape replaces, with the entities that Ruby writes.
var entities = [256]string{'&': "&amp;", '<': "&lt;", '>': "&gt;", '"': "&quot;", '\'': "&#39;"}

func escapeHTML(s string) string { return escape(s, false) }

func escapeOnce(s string) string { return escape(s, true) }

// escape replaces characters by entities. once says that entities in the text stay as they are.
func escape(s string, once bool) string {
	var b strings.Builder
	b.Grow(2 * len(s))
	for i := 0; i < len(s); i++ {
		entity := entities[s[i]]
		if entity == "" || once && s[i] == '&' && entityLength(s[i:]) > 0 {
			b.WriteByte(s[i])
			continue
		}
		b.WriteString(entity)
	}
	return b.String()
}

// entityLength returns the length of the entity that a text begins with, such as &lt; or &#39;, or 0.
func entityLength(s string) int {
	const maxLength = 32 // more than the longest entity of HTML
	end := strings.IndexByte(s[:min(len(s), maxLength)], ';')
	if end < 2 {
		return 0
	}
	number, isNumber := strings.CutPrefix(s[1:end], "#")
	isPart := func(r rune) bool { return r >= '0' && r <= '9' }
	if !isNumber {
		isPart = func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }
	}
	if number == "" || strings.ContainsFunc(number, func(r rune) bool { return !isPart(r) }) {
		return 0
	}
	return end + 1
}

// decodeURL returns a text that is not encoded as it is.
func decodeURL(s string) string {
	decoded, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return strings.ToValidUTF8(decoded, "")
}

// decodeBase64 returns what can be decoded: nothing of a text that is not Base64.
func decodeBase64(e *base64.Encoding, s string) string {
	decoded, err := e.DecodeString(s)
	if err != nil {
		decoded, err = e.WithPadding(base64.NoPadding).DecodeString(s)
	}
	if err != nil {
		return ""
	}
	return strings.ToValidUTF8(string(decoded), "")
}
