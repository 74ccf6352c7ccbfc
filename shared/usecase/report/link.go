package report

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

const maxLinkBytes = 4096

// hostPattern matches a host name in ASCII or an IP address, with or without a port. Letters of other scripts can look
// like these and lead elsewhere.
var hostPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)
})

// safeLink returns an address, escaped to printable ASCII, if a page may link to it: https, or http at the host of public. It
// returns nothing for any other address.
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

// validLanguageTag returns tag if it looks like a BCP 47 language tag, else nothing.
func validLanguageTag(tag string) string {
	if tag = strings.TrimSpace(tag); languageTagPattern().MatchString(tag) {
		return tag
	}
	return ""
}
