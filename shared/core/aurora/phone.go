package aurora

import (
	"log/slog"
	"strings"
)

// Phone is a telephone number in E.164, such as +14155550100. An empty Phone means no number.
type Phone string

// ParsePhone reads a number in E.164 that may have ASCII spaces, dots, hyphens and parentheses between its digits:
// a plus, then 7 to 15 digits of which the first is not 0 (ITU-T E.164 allows 15). Anything else is not ok. That includes
// national numbers, which are ambiguous without a region.
func ParsePhone(s string) (p Phone, ok bool) {
	if !strings.HasPrefix(s, "+") {
		return "", false
	}
	digits := make([]byte, 1, 16)
	digits[0] = '+'
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9':
			if len(digits) == 16 {
				return "", false
			}
			digits = append(digits, c)
		case c == ' ' || c == '.' || c == '-' || c == '(' || c == ')':
		default:
			return "", false
		}
	}
	if len(digits) < 8 || digits[1] == '0' {
		return "", false
	}
	return Phone(digits), true
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
