package aurora

import (
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"unicode"
)

// Phone is a telephone number in E.164, such as +14155550100. An empty Phone means no number.
type Phone string

// maxPhoneText limits a number as it is written, in bytes.
const maxPhoneText = 200

// ParsePhone reads a number however it was written, and returns the one way in which it is stored, compared and dialled. It
// reads E.164 (a plus, then 7 to 15 digits of which the first is not 0), with spaces, dots, hyphens, slashes and parentheses
// between the digits; a trunk prefix, as in +44 (0)7400 123456; 00 for the plus; NANP numbers without the plus; digits of
// other scripts; invisible characters; and the addresses tel:, sip:, sips: and whatsapp:. Mexican mobile numbers lose the 1
// that was dropped in 2019.
//
// Anything else is not ok. That includes national numbers, which are ambiguous without a region, and the placeholders that
// carriers send for a withheld number. A function that links the tables of libphonenumber reads more; see UsePhoneTables.
func ParsePhone(s string) (p Phone, ok bool) {
	if IsWithheld(s) {
		return "", false
	}
	tables := phoneTables.Load()
	if tables == nil && isPlainE164(s) && !strings.HasPrefix(s, "+521") {
		return Phone(s), true
	}
	s = plainPhoneText(s)
	if _, _, isNumber := phoneDigits(s); !isNumber {
		return "", false
	}
	if tables != nil {
		if p, ok := (*tables)(s); ok {
			return p, true
		}
	}
	return parseE164(s)
}

var phoneTables atomic.Pointer[func(string) (Phone, bool)]

// UsePhoneTables makes ParsePhone ask parse first. Only programs that link the tables of libphonenumber call it, once, when
// they start. parse gets digits and separators in ASCII, perhaps with a plus before them, and is not ok for a number that it
// does not know.
func UsePhoneTables(parse func(string) (Phone, bool)) { phoneTables.Store(&parse) }

// plainPhoneText returns a number as it is written, in ASCII: without the address around it, invisible characters and
// spaces of other kinds.
func plainPhoneText(s string) string {
	if len(s) > maxPhoneText {
		return s // not a number
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case r < unicode.MaxASCII:
			return r
		case unicode.Is(unicode.Zs, r):
			return ' '
		case unicode.Is(unicode.Cf, r):
			return -1
		case unicode.Is(unicode.Pd, r):
			return '-'
		case r == '＋', r == '﹢':
			return '+'
		case unicode.Is(unicode.Nd, r):
			return asciiDigit(r)
		}
		return r
	}, s)
	if _, address, ok := strings.Cut(s, "<"); ok { // "Name" <sip:+14155550100@example.com>
		s, _, _ = strings.Cut(address, ">")
	}
	s = strings.TrimSpace(s)
	if scheme, rest, ok := strings.Cut(s, ":"); ok && slices.Contains([]string{"tel", "sip", "sips", "whatsapp"}, strings.ToLower(scheme)) {
		s, _, _ = strings.Cut(rest, "@")
		s, _, _ = strings.Cut(s, ";")
	}
	return strings.TrimSpace(s)
}

// zeros are the zeros of the scripts whose digits are read: full-width, Arabic, Persian, Devanagari, Bengali and Thai.
var zeros = []rune{'\uff10', '\u0660', '\u06f0', '\u0966', '\u09e6', '\u0e50'}

// asciiDigit returns the ASCII digit of the same value.
func asciiDigit(r rune) rune {
	for _, zero := range zeros {
		if zero <= r && r <= zero+9 {
			return '0' + r - zero
		}
	}
	return r
}

// isPlainE164 reports whether a text is a plus and 7 to 15 ASCII digits of which the first is not 0.
func isPlainE164(s string) bool {
	if len(s) < 8 || len(s) > 16 || s[0] != '+' || s[1] == '0' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// parseE164 reads a number that says its country, without tables.
func parseE164(s string) (Phone, bool) {
	digits, trunk, ok := phoneDigits(s)
	switch {
	case !ok:
		return "", false
	case strings.HasPrefix(s, "+"):
	case strings.HasPrefix(digits, "00"):
		digits = digits[2:]
	case len(digits) == 11 && digits[0] == '1' && digits[1] >= '2' && digits[4] >= '2': // of the NANP, 1 415 555 0100
	default:
		return "", false
	}
	if len(digits) < 7 || len(digits) > 15 || digits[0] == '0' {
		return "", false
	}
	if code := countryCode(digits); trunk && strings.HasPrefix(digits[len(code):], "0") && !keepsZero(code) {
		digits = code + digits[len(code)+1:]
	}
	if rest, ok := strings.CutPrefix(digits, "521"); ok && len(rest) == 10 {
		digits = "52" + rest
	}
	return Phone("+" + digits), true
}

// phoneDigits returns the digits of a number, and whether a trunk prefix stands in parentheses. Not ok is anything but
// digits, a plus at the beginning and separators.
func phoneDigits(s string) (digits string, trunk, ok bool) {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			b.WriteByte(c)
		case c == '+' && i == 0, strings.IndexByte(" .-/()", c) >= 0:
		default:
			return "", false, false
		}
	}
	return b.String(), strings.Contains(s, "(0)"), b.Len() > 0
}

// countryCode returns the country code with which the digits of a number begin (ITU-T E.164, list of assigned codes).
func countryCode(digits string) string {
	n := 3
	switch digits[0] {
	case '1', '7':
		n = 1
	default:
		if strings.Contains("20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98", digits[:2]) {
			n = 2
		}
	}
	return digits[:n]
}

// CountryCode returns the country code of a number in E.164, without the plus; empty if it is not one.
func (p Phone) CountryCode() string {
	if !isPlainE164(string(p)) {
		return ""
	}
	return countryCode(string(p[1:]))
}

// keepsZero reports whether the zero at the beginning of a country's numbers is dialled from abroad too: Italy, San Marino,
// the Vatican, Côte d'Ivoire, Gabon and the Republic of the Congo.
func keepsZero(code string) bool {
	return slices.Contains([]string{"39", "378", "379", "225", "241", "242"}, code)
}

// Spellings returns the ways in which the number may have been stored before numbers had one spelling, or by others: with a
// trunk prefix, with the digits that Mexico, Argentina and Brazil put into mobile numbers or leave out, and without the
// plus. The number itself comes first.
func (p Phone) Spellings() []Phone {
	if len(p) < 8 || p[0] != '+' {
		return []Phone{p}
	}
	all := []Phone{p}
	add := func(digits string) {
		if spelling := Phone("+" + digits); !slices.Contains(all, spelling) && len(digits) <= 15 {
			all = append(all, spelling)
		}
	}
	digits := string(p[1:])
	code := countryCode(digits)
	rest := digits[len(code):]
	switch {
	case code == "52" && len(rest) == 10:
		add("521" + rest)
	case code == "52" && len(rest) == 11 && rest[0] == '1':
		add("52" + rest[1:])
	case code == "54" && len(rest) == 11 && rest[0] == '9':
		add("54" + rest[1:])
	case code == "54" && len(rest) == 10:
		add("549" + rest)
	case code == "55" && len(rest) == 11 && rest[2] == '9':
		add("55" + rest[:2] + rest[3:])
	case code == "55" && len(rest) == 10 && rest[2] >= '6':
		add("55" + rest[:2] + "9" + rest[2:])
	}
	switch {
	case code == "1" || keepsZero(code):
	case rest != "" && rest[0] == '0':
		add(code + rest[1:])
	default:
		add(code + "0" + rest)
	}
	for _, spelling := range all[:len(all):len(all)] {
		all = append(all, spelling[1:])
	}
	return all
}

// National returns the digits of the number after its country code, "" for anything but a number in E.164.
func (p Phone) National() string {
	if len(p) < 8 || p[0] != '+' {
		return ""
	}
	return string(p[1+len(countryCode(string(p[1:]))):])
}

// Digit returns the ASCII digit of the same value for a digit of any script that ParsePhone reads.
func Digit(r rune) (digit byte, ok bool) {
	if r >= unicode.MaxASCII {
		r = asciiDigit(r)
	}
	return byte(r), '0' <= r && r <= '9'
}

// Masked returns the number with its first two and last three digits: +14******100.
func (p Phone) Masked() string {
	if len(p) < 8 {
		return strings.Repeat("*", len(p))
	}
	return string(p[:3]) + strings.Repeat("*", len(p)-6) + string(p[len(p)-3:])
}

// LogValue returns the masked number, so that no log line holds a complete one.
func (p Phone) LogValue() slog.Value { return slog.StringValue(p.Masked()) }
