package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
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
	if err := f.Parse(p.args); err != nil {
		return err
	}
	if !slices.Contains(keyKinds, *kind) {
		return fmt.Errorf("KIND must be one of %s, not %q", strings.Join(keyKinds, ", "), *kind)
	}
	if *name == "" {
		*name = *kind
	}
	key, digest := newKey(*kind)
	p.printLine("key     %s", key)
	p.printLine("digest  sha256:%s", digest)
	p.printLine("")
	p.printLine("The key is shown only once: give it to its holder. Only the digest is stored, as one entry of the JSON array")
	p.printLine("in the secret aurora/<stage>/%s:", *kind)
	p.printLine("")
	p.printLine(`  {"digest":"sha256:%s","name":%q}`, digest, *name)
	p.printLine("")
	p.printLine("The key works within two minutes after its entry is stored, and stops within two minutes after it is removed.")
	return nil
}

// newKey returns 256 bits as a key, and its SHA-256 in hexadecimal.
func newKey(kind string) (key, digest string) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails since Go 1.24
	key = "aur_" + kind + "_" + base64.RawURLEncoding.EncodeToString(secret[:])
	return key, fmt.Sprintf("%x", sha256.Sum256([]byte(key)))
}
