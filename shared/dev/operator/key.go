package main

import (
	"cmp"
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

// keyOptions are the flags of the command key.
type keyOptions struct {
	kind, name, role, assistants, uses, expires, limits, signature, stage string
	write, list, restore, remove                                          string
}

// key creates a key, or lists, removes or restores the stored ones.
func (p *program) key(ctx context.Context) error {
	f := p.flags("key")
	var o keyOptions
	f.StringVar(&o.kind, "kind", "", "api, internal or external; empty for api, or to list all")
	f.StringVar(&o.name, "name", "", "the holder of the key, for the logs")
	f.StringVar(&o.role, "role", "", "viewer, editor or admin, for an internal key of an operator")
	f.StringVar(&o.assistants, "assistants", "", "the ids of the only assistants that the key may reach, separated by commas")
	f.StringVar(&o.uses, "uses", "", "chat or webhook, for an api key that may do only one of them")
	f.StringVar(&o.expires, "expires", "", "when the key stops working, such as 2027-01-01T00:00:00Z")
	f.StringVar(&o.limits, "limits", "", "the key's own limits, such as chatTurnsPerMinute=60,spendPerDayUsd=12.5")
	f.StringVar(&o.signature, "signature", "", "vapi-hmac or retell, for a caller of the webhook that signs its requests instead of sending a key")
	f.StringVar(&o.write, "write", "", "1 stores the entry in the secret; empty only shows it")
	f.StringVar(&o.list, "list", "", "1 lists the stored entries, without anything secret")
	f.StringVar(&o.remove, "remove", "", "the name, id or place of the entry to remove")
	f.StringVar(&o.restore, "restore", "", "1 puts the value of the secret before its last change back")
	f.StringVar(&o.stage, "stage", "", "a deployed stage; empty for the local stack")
	if err := f.Parse(p.args); err != nil {
		return err
	}
	if o.kind != "" && !slices.Contains(keyKinds, o.kind) {
		return fmt.Errorf("KIND must be one of %s, not %q", strings.Join(keyKinds, ", "), o.kind)
	}
	return p.runKey(ctx, o)
}

// runKey does what the flags say: at most one of several actions.
func (p *program) runKey(ctx context.Context, o keyOptions) error {
	actions := 0
	for _, given := range []string{o.write, o.list, o.remove, o.restore} {
		if given != "" {
			actions++
		}
	}
	if actions > 1 {
		return errors.New("name only one of WRITE=1, LIST=1, REMOVE=<entry> and RESTORE=1")
	}
	switch {
	case o.list != "":
		return p.listKeys(ctx, o)
	case o.remove != "":
		return p.changeKeys(ctx, o, func(k *keySecret) ([]json.RawMessage, []json.RawMessage, error) {
			return k.edit(ctx, removeEntry(o.remove))
		})
	case o.restore != "":
		return p.changeKeys(ctx, o, func(k *keySecret) ([]json.RawMessage, []json.RawMessage, error) { return k.restore(ctx) })
	}
	return p.createKey(ctx, o)
}

// listKeys lists the entries of one kind, or of all. A secret that cannot be read does not hide the others.
func (p *program) listKeys(ctx context.Context, o keyOptions) error {
	s, err := p.stack(ctx, o.stage)
	if err != nil {
		return err
	}
	kinds := keyKinds
	if o.kind != "" {
		kinds = []string{o.kind}
	}
	var problems []error
	for _, kind := range kinds {
		secret, err := s.keySecret(kind)
		if err == nil {
			err = p.printKeys(ctx, secret)
		}
		problems = append(problems, err)
	}
	return errors.Join(problems...)
}

// changeKeys changes the secret of a kind and shows what changed.
func (p *program) changeKeys(ctx context.Context, o keyOptions, change func(*keySecret) (before, after []json.RawMessage, err error)) error {
	s, err := p.stack(ctx, o.stage)
	if err != nil {
		return err
	}
	secret, err := s.keySecret(cmp.Or(o.kind, string(auth.KindAPI)))
	if err != nil {
		return err
	}
	before, after, err := change(secret)
	if err != nil {
		return err
	}
	p.printChange(secret.name, before, after)
	p.printLine("")
	p.printLine("It takes effect within two minutes.")
	return nil
}

// storeEntry stores an entry if WRITE=1 says so, else it says where the entry belongs.
func (p *program) storeEntry(ctx context.Context, o keyOptions, entry string) error {
	if o.write != "" {
		return p.changeKeys(ctx, o, func(k *keySecret) ([]json.RawMessage, []json.RawMessage, error) { return k.edit(ctx, addEntry(entry)) })
	}
	p.printLine("Nothing was stored. WRITE=1 stores this entry in the JSON array in the secret aurora/%s/%s:", cmp.Or(o.stage, "<stage>"), o.kind)
	p.printLine("")
	p.printLine("  %s", entry)
	p.printLine("")
	p.printLine("It works within two minutes after it is stored, and stops within two minutes after it is removed.")
	return nil
}

// createKey creates a key and shows it once, after its entry is stored if it is to be stored.
func (p *program) createKey(ctx context.Context, o keyOptions) error {
	o.kind = cmp.Or(o.kind, string(auth.KindAPI))
	if o.uses != "" && o.kind != string(auth.KindAPI) {
		return errors.New("USES is for keys of KIND=api: the other kinds have one use each")
	}
	if err := checkRole(o); err != nil {
		return err
	}
	own, err := parseLimits(o.kind, o.limits)
	if err != nil {
		return err
	}
	e := keyEntry{Name: o.name, Role: o.role, Assistants: splitList(o.assistants), Uses: splitList(o.uses), ExpiresAt: o.expires, Limits: own}
	if o.signature != "" {
		return p.signingKey(ctx, o, e)
	}
	key, digest := newKey(o.kind)
	e.Digest = "sha256:" + digest
	entry, err := e.text()
	if err != nil {
		return err
	}
	if err := p.storeEntry(ctx, o, entry); err != nil {
		return err
	}
	p.printLine("")
	p.printLine("key     %s", key)
	p.printLine("digest  sha256:%s", digest)
	p.printLine("")
	p.printLine("The key is shown only once: give it to its holder. Only the digest is stored.")
	return nil
}

// checkRole checks that a key with a role is that of an operator.
func checkRole(o keyOptions) error {
	switch {
	case o.role == "":
		return nil
	case !auth.Role(o.role).IsValid():
		return fmt.Errorf("ROLE must be viewer, editor or admin, not %q", o.role)
	case o.kind != string(auth.KindInternal):
		return errors.New("ROLE is for keys of KIND=internal")
	case o.name == "":
		return errors.New("a key with a ROLE needs a NAME: the audit says by it who did what")
	}
	return nil
}

// keyEntry is an entry of a key secret.
type keyEntry struct {
	Digest     string   `json:"digest,omitempty"`
	Name       string   `json:"name,omitempty"`
	Role       string   `json:"role,omitempty"`
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
		return "", fmt.Errorf("ROLE, ASSISTANTS, USES, EXPIRES, LIMITS, SIGNATURE or SIGNING_SECRET: %w", err)
	}
	return string(text), nil
}

// signingKey creates the entry of a caller that signs its requests. The entry holds the secret itself: a signature cannot be
// checked with a digest.
func (p *program) signingKey(ctx context.Context, o keyOptions, e keyEntry) error {
	if o.kind != string(auth.KindAPI) {
		return errors.New("SIGNATURE is for the webhook, so for keys of KIND=api")
	}
	secret := p.env("SIGNING_SECRET")
	switch {
	case secret == "" && o.signature == auth.SchemeRetell:
		return errors.New("SIGNING_SECRET is not set. Retell signs with one of its own API keys, the one with the webhook badge: SIGNING_SECRET=key_… make key SIGNATURE=retell")
	case secret == "":
		secret, _ = newKey("signing")
	}
	e.Signature = &auth.SignatureSettings{Scheme: o.signature, Secret: secret}
	entry, err := e.text()
	if err != nil {
		return err
	}
	if err := p.storeEntry(ctx, o, entry); err != nil {
		return err
	}
	p.printLine("")
	if o.signature == auth.SchemeVapi {
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
	p.printLine("secret of the kind %s can sign as this caller.", o.kind)
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
