package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"example.com/aurora/shared/core/auth"
)

// keyKinds are the kinds of API keys.
var keyKinds = []string{string(auth.KindAPI), string(auth.KindInternal), string(auth.KindExternal)}

// key creates a key and shows it once, with its digest, which is what the secret stores.
func (p *program) key(context.Context) error {
	f := p.flags("key")
	kind := f.String("kind", "api", "api, internal or external")
	name := f.String("name", "", "the holder of the key, for the logs")
	assistants := f.String("assistants", "", "the ids of the only assistants that the key may reach, separated by commas")
	uses := f.String("uses", "", "chat or webhook, for an api key that may do only one of them")
	expires := f.String("expires", "", "when the key stops working, such as 2027-01-01T00:00:00Z")
	limits := f.String("limits", "", "the key's own limits, such as chatTurnsPerMinute=60,spendPerDayUsd=12.5")
	signature := f.String("signature", "", "vapi-hmac or retell, for a caller of the webhook that signs its requests instead of sending a key")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	if !slices.Contains(keyKinds, *kind) {
		return fmt.Errorf("KIND must be one of %s, not %q", strings.Join(keyKinds, ", "), *kind)
	}
	if *uses != "" && *kind != string(auth.KindAPI) {
		return errors.New("USES is for keys of KIND=api: the other kinds have one use each")
	}
	own, err := parseLimits(*kind, *limits)
	if err != nil {
		return err
	}
	e := keyEntry{Name: *name, Assistants: splitList(*assistants), Uses: splitList(*uses), ExpiresAt: *expires, Limits: own}
	if *signature != "" {
		return p.signingKey(e, *kind, *signature)
	}
	key, digest := newKey(*kind)
	e.Digest = "sha256:" + digest
	entry, err := e.text()
	if err != nil {
		return err
	}
	p.printLine("key     %s", key)
	p.printLine("digest  sha256:%s", digest)
	p.printLine("")
	p.printLine("The key is shown only once: give it to its holder. Only the digest is stored, as one entry of the JSON array")
	p.printLine("in the secret aurora/<stage>/%s:", *kind)
	p.printLine("")
	p.printLine("  %s", entry)
	p.printLine("")
	p.printLine("The key works within two minutes after its entry is stored, and stops within two minutes after it is removed.")
	return nil
}

// keyEntry is an entry of a key secret.
type keyEntry struct {
	Digest     string   `json:"digest,omitempty"`
	Name       string   `json:"name,omitempty"`
	Assistants []string `json:"assistants,omitempty"`
	Uses       []string `json:"uses,omitempty"`
	ExpiresAt  string   `json:"expiresAt,omitempty"`

	Limits    map[string]json.Number  `json:"limits,omitempty"`
	Signature *auth.SignatureSettings `json:"signature,omitempty"`
}

// text returns the entry as JSON. It is an error if functions would not accept the entry.
func (e keyEntry) text() (string, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return "", err
	}
	if _, err := auth.ParseKeys("[" + string(text) + "]"); err != nil {
		return "", fmt.Errorf("ASSISTANTS, USES, EXPIRES, LIMITS, SIGNATURE or SIGNING_SECRET: %w", err)
	}
	return string(text), nil
}

// signingKey shows the entry of a caller that signs its requests. The entry holds the secret itself: a signature cannot be
// checked with a digest.
func (p *program) signingKey(e keyEntry, kind, scheme string) error {
	if kind != string(auth.KindAPI) {
		return errors.New("SIGNATURE is for the webhook, so for keys of KIND=api")
	}
	secret := p.env("SIGNING_SECRET")
	switch {
	case secret == "" && scheme == auth.SchemeRetell:
		return errors.New("SIGNING_SECRET is not set. Retell signs with one of its own API keys, the one with the webhook badge: SIGNING_SECRET=key_… make key SIGNATURE=retell")
	case secret == "":
		secret, _ = newKey("signing")
	}
	e.Signature = &auth.SignatureSettings{Scheme: scheme, Secret: secret}
	entry, err := e.text()
	if err != nil {
		return err
	}
	if scheme == auth.SchemeVapi {
		p.printLine("Create a credential of the type HMAC at Vapi, with these values, and name it in the server settings:")
		p.printLine("")
		p.printLine("  Secret Key        %s", secret)
		p.printLine("  Algorithm         SHA256")
		p.printLine("  Signature Header  x-signature")
		p.printLine("  Timestamp Header  x-timestamp")
		p.printLine("  Payload Format    {timestamp}.{body}")
		p.printLine("")
	}
	p.printLine("The entry holds the secret itself, since a signature cannot be checked with a digest. Everyone who can read the")
	p.printLine("secret aurora/<stage>/%s can sign as this caller. Add the entry to its JSON array:", kind)
	p.printLine("")
	p.printLine("  %s", entry)
	p.printLine("")
	p.printLine("It works within two minutes after it is stored, and stops within two minutes after it is removed.")
	return nil
}

// parseLimits reads limits such as chatTurnsPerMinute=60,spendPerDayUsd=12.5 for a kind of key. It checks their form, and that
// keys of this kind can use what is limited: api keys do not place calls, and the others do not chat.
func parseLimits(kind, list string) (map[string]json.Number, error) {
	var limits map[string]json.Number
	for _, part := range splitList(list) {
		name, value, ok := strings.Cut(part, "=")
		if isForChat := strings.HasPrefix(name, "chat") || strings.HasPrefix(name, "texts"); kind == string(auth.KindAPI) && strings.HasPrefix(name, "calls") || kind != string(auth.KindAPI) && isForChat {
			return nil, fmt.Errorf("LIMITS: %s has no effect on a key of KIND=%s", name, kind)
		}
		if _, taken := limits[name]; !ok || taken || !json.Valid([]byte(value)) {
			return nil, fmt.Errorf("LIMITS must be names and numbers such as chatTurnsPerMinute=60, separated by commas, not %q", part)
		}
		if limits == nil {
			limits = map[string]json.Number{}
		}
		limits[name] = json.Number(value)
	}
	return limits, nil
}

// splitList returns the parts of a list that is separated by commas, nil for an empty one.
func splitList(list string) []string {
	if list == "" {
		return nil
	}
	parts := strings.Split(list, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}

// newKey returns 256 bits as a key, and its SHA-256 in hexadecimal.
func newKey(kind string) (key, digest string) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails since Go 1.24
	key = "aur_" + kind + "_" + base64.RawURLEncoding.EncodeToString(secret[:])
	return key, fmt.Sprintf("%x", sha256.Sum256([]byte(key)))
}
