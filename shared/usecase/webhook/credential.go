package webhook

import (
	"regexp"
	"strings"
	"sync"
)

// credentialEndings end the names of members that hold credentials, in lower case and without what separates words:
// twilioAuthToken, auth_token, X-Vapi-Secret and the like. A plural counts too, but for tokens, which are counted.
var credentialEndings = []string{"token", "secret", "password", "passwd", "passphrase", "apikey", "privatekey", "secretkey", "accesskey",
	"signingkey", "encryptionkey", "authkey", "authorization", "cookie", "jwt", "bearer"}

var unspaced = strings.NewReplacer("_", "", "-", "", " ", "", ".", "")

func bare(name string) string { return unspaced.Replace(strings.ToLower(name)) }

// isCredential reports whether a member of this name holds a credential. A credentialId is none, nor is a count of
// tokens.
func isCredential(name string) bool {
	if len(name) < len("jwt") || len(name) > 200 || strings.Count(name, " ") > 2 { // a sentence about a password is none
		return false
	}
	name = bare(name)
	if strings.Contains(name, "password") || strings.Contains(name, "authtoken") {
		return true
	}
	if !strings.HasSuffix(name, "tokens") {
		name = strings.TrimSuffix(name, "s")
	}
	for _, ending := range credentialEndings {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return false
}

// countsTokens reports whether a number under this credential's name may be a measure, such as timeToFirstToken.
func countsTokens(name string) bool {
	name = bare(name)
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

// prose finds credentials by their look: keys of ours and of OpenAI's, authorization values, secrets in a query. The
// tokens of recording links stay, or the links would lead nowhere.
var prose = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\bsk-[A-Za-z0-9_-]{20,}|\baur_[a-z]+_[A-Za-z0-9_-]{20,}` +
		`|(?i:\b(?:bearer|basic) +[a-z0-9._~+/-]{20,}=*)` +
		`|(?i:[?&](?:x-)?(?:api[_-]?key|auth[_-]?token|access[_-]?token|client[_-]?secret|secret|password)=[^&#\s"]+)`)
})

// scrubProse replaces the credentials in a text and says how many there were.
func scrubProse(text string) (mended string, n int) {
	query := strings.Contains(text, "=") && strings.ContainsAny(text, "?&")
	if !query && !strings.Contains(text, "sk-") && !strings.Contains(text, "aur_") && !containsFold(text, "bearer ", "basic ") {
		return text, 0 // nearly always; the expression is slow
	}
	mended = prose().ReplaceAllStringFunc(text, func(found string) string {
		if i := strings.IndexAny(found, "= "); i >= 0 && (found[0] == '?' || found[0] == '&' || found[i] == ' ') {
			if found[i+1:] == Removed {
				return found
			}
			n++
			return found[:i+1] + Removed
		}
		n++
		return Removed
	})
	return mended, n
}

// containsFold reports whether text holds one of the words, which end in a space, in whatever case.
func containsFold(text string, words ...string) bool {
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
