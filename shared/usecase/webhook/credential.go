package webhook

import (
	"regexp"
	"strings"
	"sync"
)

// credentialSuffixes end the names of members that hold credentials, in lower case and without what separates words:
// twilioAuthToken, auth_token, X-Vapi-Secret and the like. A plural counts too, but for tokens, which are counted.
var credentialSuffixes = []string{"token", "secret", "password", "passwd", "passphrase", "apikey", "privatekey", "secretkey", "accesskey",
	"signingkey", "encryptionkey", "authkey", "authorization", "cookie", "jwt", "bearer"}

var removeSeparators = strings.NewReplacer("_", "", "-", "", " ", "", ".", "")

func normalizeName(name string) string { return removeSeparators.Replace(strings.ToLower(name)) }

// isCredentialName reports whether a member of this name holds a credential. A credentialId is none, nor is a count of
// tokens.
func isCredentialName(name string) bool {
	if len(name) < len("jwt") || len(name) > 200 || strings.Count(name, " ") > 2 { // a sentence about a password is none
		return false
	}
	name = normalizeName(name)
	if strings.Contains(name, "password") || strings.Contains(name, "authtoken") {
		return true
	}
	if !strings.HasSuffix(name, "tokens") {
		name = strings.TrimSuffix(name, "s")
	}
	for _, ending := range credentialSuffixes {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return false
}

// isTokenCount reports whether a number under this credential's name may be a measure, such as timeToFirstToken.
func isTokenCount(name string) bool {
	name = normalizeName(name)
	if !strings.HasSuffix(name, "token") {
		return false
	}
	for _, kind := range []string{"auth", "access", "api", "bearer", "refresh", "session", "security"} {
		if strings.Contains(name, kind) {
			return false
		}
	}
	return true
}

// credentialPattern finds credentials by their look: keys of ours and of OpenAI's, authorization values, secrets in a query. The
// tokens of recording links stay, or the links would lead nowhere.
var credentialPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\bsk-[A-Za-z0-9_-]{20,}|\baur_[a-z]+_[A-Za-z0-9_-]{20,}` +
		`|(?i:\b(?:bearer|basic) +[a-z0-9._~+/-]{20,}=*)` +
		`|(?i:[?&](?:x-)?(?:api[_-]?key|auth[_-]?token|access[_-]?token|client[_-]?secret|secret|password)=[^&#\s"]+)`)
})

// scrubText replaces the credentials in a text and says how many there were.
func scrubText(text string) (mended string, n int) {
	query := strings.Contains(text, "=") && strings.ContainsAny(text, "?&")
	if !query && !strings.Contains(text, "sk-") && !strings.Contains(text, "aur_") && !containsWordFold(text, "bearer ", "basic ") {
		return text, 0 // nearly always; the expression is slow
	}
	mended = credentialPattern().ReplaceAllStringFunc(text, func(found string) string {
		if i := strings.IndexAny(found, "= "); i >= 0 && (found[0] == '?' || found[0] == '&' || found[i] == ' ') {
			if found[i+1:] == RemovedValue {
				return found
			}
			n++
			return found[:i+1] + RemovedValue
		}
		n++
		return RemovedValue
	})
	return mended, n
}

// containsWordFold reports whether text holds one of the words, which end in a space, in whatever case.
func containsWordFold(text string, words ...string) bool {
	for _, word := range words {
		for i := 0; ; i++ {
			j := strings.IndexByte(text[i:], ' ')
			if j < 0 {
				break
			}
			i += j
			if start := i - len(word) + 1; start >= 0 && strings.EqualFold(text[start:i+1], word) {
				return true
			}
		}
	}
	return false
}
