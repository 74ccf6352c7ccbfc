package liquid

import (
	"encoding/base64"
	"html"
	"net/url"
	"strings"
)

var encodingFilters = map[string]*filter{
	"escape":      ofText(6, html.EscapeString),
	"h":           ofText(6, html.EscapeString),
	"escape_once": ofText(12, func(s string) string { return html.EscapeString(html.UnescapeString(s)) }),
	"url_encode":  ofText(3, url.QueryEscape),
	"url_decode":  ofText(1, decodeURL),

	"base64_encode":          ofText(2, func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }),
	"base64_decode":          ofText(1, func(s string) string { return decodeBase64(base64.StdEncoding, s) }),
	"base64_url_safe_encode": ofText(2, func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) }),
	"base64_url_safe_decode": ofText(1, func(s string) string { return decodeBase64(base64.URLEncoding, s) }),
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
