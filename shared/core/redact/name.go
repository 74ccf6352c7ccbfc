package redact

import "strings"

// credentialSuffixes end the names of members and headers that hold credentials, in lower case and without separators:
// twilioAuthToken, auth_token, X-Vapi-Secret and the like. A plural counts too, except for tokens, which are counted.
var credentialSuffixes = []string{"token", "secret", "password", "passwd", "passphrase", "apikey", "privatekey", "secretkey", "accesskey",
	"signingkey", "encryptionkey", "authkey", "authorization", "cookie", "jwt", "bearer"}

var removeSeparators = strings.NewReplacer("_", "", "-", "", " ", "", ".", "")

func normalizeName(name string) string { return removeSeparators.Replace(strings.ToLower(name)) }

// IsCredentialName reports whether a member or header of this name holds a credential. A credentialId does not, and a
// number of tokens does not.
func IsCredentialName(name string) bool {
	if len(name) < len("jwt") || len(name) > 200 || strings.Count(name, " ") > 2 { // a sentence about a password is no name
		return false
	}
	name = normalizeName(name)
	if strings.Contains(name, "password") || strings.Contains(name, "authtoken") {
		return true
	}
	if !strings.HasSuffix(name, "tokens") {
		name = strings.TrimSuffix(name, "s")
	}
	for _, suffix := range credentialSuffixes {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

// IsTokenCount reports whether a number under this name may be a measure, such as timeToFirstToken.
func IsTokenCount(name string) bool {
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
