package toolschema

import (
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// formats are those that are asserted, by name.
var formats = map[string]func(string) bool{
	"json-pointer":          jsonPointer,
	"relative-json-pointer": relativePointer,
	"uuid":                  uuid,
	"duration":              expression(`^P(?:\d+W|(?:\d+Y(?:\d+M(?:\d+D)?)?|\d+M(?:\d+D)?|\d+D)(?:T(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S))?|T(?:\d+H(?:\d+M(?:\d+S)?)?|\d+M(?:\d+S)?|\d+S))$`),
	"ipv4":                  func(s string) bool { a, err := netip.ParseAddr(s); return err == nil && a.Is4() },
	"ipv6":                  func(s string) bool { a, err := netip.ParseAddr(s); return err == nil && a.Is6() && a.Zone() == "" },
	"hostname":              hostname,
	"email":                 email,
	"date":                  func(s string) bool { _, err := time.Parse(time.DateOnly, s); return err == nil },
	"time":                  func(s string) bool { return dateTime("2016-12-31T" + s) },
	"date-time":             dateTime,
	"uri":                   func(s string) bool { u, ok := address(s); return ok && u.IsAbs() },
	"iri":                   func(s string) bool { u, ok := address(s); return ok && u.IsAbs() },
	"uri-reference":         func(s string) bool { _, ok := address(s); return ok },
	"iri-reference":         func(s string) bool { _, ok := address(s); return ok },
	"uri-template":          uriTemplate,
	"regex":                 func(s string) bool { _, err := regexp.Compile(s); return err == nil },
	"semver": expression(`^(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){2}(?:-(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)` +
		`(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$`),
}

// expression is compiled when it is first needed: few schemas have a format at all.
func expression(text string) func(string) bool {
	compiled := sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
	return func(s string) bool { return compiled().MatchString(s) }
}

func jsonPointer(s string) bool {
	if s == "" {
		return true
	}
	for i := range len(s) {
		if s[i] == '~' && (i+1 == len(s) || s[i+1] != '0' && s[i+1] != '1') {
			return false
		}
	}
	return s[0] == '/'
}

func relativePointer(s string) bool {
	rest := strings.TrimLeft(s, "0123456789")
	digits := s[:len(s)-len(rest)]
	if digits == "" || len(digits) > 1 && digits[0] == '0' {
		return false
	}
	return rest == "#" || jsonPointer(rest)
}

func uuid(s string) bool {
	groups := strings.Split(s, "-")
	if len(groups) != 5 {
		return false
	}
	for i, n := range []int{8, 4, 4, 4, 12} {
		if len(groups[i]) != n || !hexadecimal(groups[i]) {
			return false
		}
	}
	return true
}

func hostname(s string) bool {
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			switch c := label[i]; {
			case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
			default:
				return false
			}
		}
	}
	return true
}

func email(s string) bool {
	i := strings.LastIndexByte(s, '@')
	if i < 1 || len(s) > 254 || i > 64 {
		return false
	}
	if domain := s[i+1:]; strings.HasPrefix(domain, "[") {
		in := strings.TrimPrefix(strings.TrimSuffix(strings.TrimPrefix(domain, "["), "]"), "IPv6:")
		if _, err := netip.ParseAddr(in); err != nil {
			return false
		}
		s = s[:i] + "@example.com"
	} else if !hostname(domain) {
		return false
	}
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && !strings.ContainsAny(s, "<>")
}

// dateTime reads RFC 3339, whose days may have a second more.
func dateTime(s string) bool {
	if len(s) < 20 || strings.Contains(s, ",") {
		return false
	}
	s = strings.ToUpper(s)
	leap := s[17:19] == "60"
	if leap {
		s = s[:17] + "59" + s[19:]
	}
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return false
	}
	at = at.UTC()
	return !leap || at.Hour() == 23 && at.Minute() == 59
}

func address(s string) (*url.URL, bool) {
	u, err := url.Parse(s)
	return u, err == nil && !strings.Contains(s, `\`)
}

// uriTemplate reads an address with expressions in braces, which do not nest.
func uriTemplate(s string) bool {
	for part := range strings.SplitSeq(s, "/") {
		open := false
		for _, r := range part {
			switch {
			case r == '{' && open, r == '}' && !open:
				return false
			case r == '{', r == '}':
				open = !open
			}
		}
		if open {
			return false
		}
	}
	_, ok := address(s)
	return ok
}
