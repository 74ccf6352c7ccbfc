// Package redact removes credentials and phone numbers from texts: from every line of the log, and from what is stored.
//
// # Decisions
//
// Text is for the log and may remove too much: keys, credentials, mail addresses, and phone numbers but for their last
// digits. Credentials is for stored texts and must keep what was said: it removes only what is long enough to be a
// credential, and keeps phone numbers, mail addresses and the tokens of recording links, which would lead nowhere
// without them.
//
// The expressions are compiled on first use: a function that starts does not pay for them.
package redact

import (
	"regexp"
	"strings"
	"sync"

	"example.com/aurora/shared/core/aurora"
)

const (
	// Redacted stands in a log line for what was taken out of it.
	Redacted = "[redacted]"
	// Removed stands in a stored text for a credential.
	Removed = "[removed]"
)

// twilioTokenLength is the length of a Twilio auth token: 32 hexadecimal digits.
const twilioTokenLength = 32

var logPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`aur_[A-Za-z0-9]+_[A-Za-z0-9_-]{8,}` + // our keys
		`|\bsk-[A-Za-z0-9_-]{8,}` + // keys of a model server
		`|\b(?:AC|SK)[0-9a-fA-F]{32}\b` + // Twilio accounts and keys
		`|(?i:bearer|basic) [A-Za-z0-9._~+/=-]{8,}` +
		`|(?i:\b[a-z0-9_.-]*(?:key|token|secret|password|signature|sig|jwt))=[^&#\s"]+` + // in the query of an address
		`|\bAQAAAA[A-Za-z0-9_-]{48,}` + // tokens of report links, by the version and the first bytes of the time that they begin with
		`|[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+\.[A-Za-z0-9.-]+`)
})

// logTokenPattern finds Twilio auth tokens. A hash in an object key looks the same; a slash or a hyphen stands before it,
// and it stays, because an operator needs it to find the object.
var logTokenPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(^|[^/\w-])[0-9a-f]{32}\b`)
})

var phonePattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\+[1-9][0-9]{6,14}`)
})

// Text returns a text as the log may hold it: keys, credentials and mail addresses are replaced by Redacted, phone numbers
// are masked.
func Text(s string) string {
	if len(s) < 5 { // shorter than anything that is looked for
		return s
	}
	s = logPattern().ReplaceAllString(s, Redacted)
	s = logTokenPattern().ReplaceAllString(s, "${1}"+Redacted)
	return phonePattern().ReplaceAllStringFunc(s, func(n string) string { return aurora.Phone(n).Masked() })
}

// Secret replaces every occurrence of a known secret by Redacted. A secret of less than 8 characters is not looked for: it
// would match by chance.
func Secret(s, secret string) string {
	if len(secret) < 8 {
		return s
	}
	return strings.ReplaceAll(s, secret, Redacted)
}

var storedPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\bsk-[A-Za-z0-9_-]{20,}|\baur_[a-z]+_[A-Za-z0-9_-]{20,}` +
		`|(?i:\b(?:bearer|basic) +[a-z0-9._~+/-]{20,}=*)` +
		`|(?i:[?&](?:x-)?(?:api[_-]?key|auth[_-]?token|access[_-]?token|client[_-]?secret|secret|password)=[^&#\s"]+)`)
})

// storedTokenPattern is logTokenPattern without what follows an equals sign, which may be the token of a recording link.
var storedTokenPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(^|[^/\w=-])[0-9a-f]{32}\b`)
})

// Credentials replaces the credentials in a text that is stored by Removed, and returns how many there were. A text that
// is nothing but 32 hexadecimal digits stays: it is an id more often than a Twilio auth token.
func Credentials(s string) (string, int) {
	n := 0
	// The checks before the expressions matter: a report holds a megabyte of text, nearly all of it without credentials.
	if mayMatchPattern(s) {
		s = storedPattern().ReplaceAllStringFunc(s, func(found string) string {
			head := ""
			if i := strings.IndexAny(found, "= "); i >= 0 && (found[0] == '?' || found[0] == '&' || found[i] == ' ') {
				head = found[:i+1]
			}
			if found == head+Removed {
				return found
			}
			n++
			return head + Removed
		})
	}
	if len(s) > twilioTokenLength && hasHexRun(s, twilioTokenLength) {
		s = storedTokenPattern().ReplaceAllStringFunc(s, func(found string) string {
			n++
			return found[:len(found)-twilioTokenLength] + Removed
		})
	}
	return s, n
}

// MayHoldCredential reports whether Credentials can find anything in a text. It is fast, and does not need the text as a
// string.
func MayHoldCredential[T string | []byte](s T) bool {
	return mayMatchPattern(s) || len(s) > twilioTokenLength && hasHexRun(s, twilioTokenLength)
}

// mayMatchPattern reports whether storedPattern can match at all.
func mayMatchPattern[T string | []byte](s T) bool {
	equals, query := false, false
	for i := range len(s) {
		switch s[i] {
		case '=':
			equals = true
		case '?', '&':
			query = true
		case '-':
			if endsWithFold(s[:i], "sk") {
				return true
			}
		case '_':
			if endsWithFold(s[:i], "aur") {
				return true
			}
		case ' ':
			if endsWithFold(s[:i], "bearer") || endsWithFold(s[:i], "basic") {
				return true
			}
		}
	}
	return equals && query
}

// endsWithFold reports whether s ends with a word of lower-case letters, in any case.
func endsWithFold[T string | []byte](s T, word string) bool {
	for i := range len(word) {
		if at := len(s) - 1 - i; at < 0 || s[at]|0x20 != word[len(word)-1-i] {
			return false
		}
	}
	return true
}

// hasHexRun reports whether s holds n lower-case hexadecimal digits in a row.
func hasHexRun[T string | []byte](s T, n int) bool {
	for i := n - 1; i < len(s); i += n { // every run of n covers one of these positions
		if !isHexDigit(s[i]) {
			continue
		}
		start, end := i, i+1
		for start > 0 && isHexDigit(s[start-1]) {
			start--
		}
		for end < len(s) && isHexDigit(s[end]) {
			end++
		}
		if end-start >= n {
			return true
		}
	}
	return false
}

func isHexDigit(c byte) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' }
