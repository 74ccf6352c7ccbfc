package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"example.com/aurora/shared/core/auth"
	"example.com/aurora/shared/core/text"
)

const (
	currentLabel  = "AWSCURRENT"
	previousLabel = "AWSPREVIOUS"
	// pendingLabel is on a value that is written and not yet the current one.
	pendingLabel = "AURORAPENDING"

	maxSecretSize    = 65536 // bytes, the limit of Secrets Manager
	maxWriteAttempts = 5     // while others change the same secret
)

// keySecret is the secret that holds the keys of one kind.
type keySecret struct {
	client *secretsmanager.Client
	name   string
}

// keyList is the value of a key secret.
type keyList struct {
	version string
	entries []json.RawMessage // as they are stored
}

// errChanged means that the secret was changed by another program between reading and writing.
var errChanged = errors.New("the secret was changed at the same time")

// keySecret returns the secret of a kind of key, in a stack.
func (s *stack) keySecret(kind string) (*keySecret, error) {
	cfg, err := s.awsConfig("secretsmanager")()
	if err != nil {
		return nil, err
	}
	return &keySecret{client: secretsmanager.NewFromConfig(cfg), name: s.secretName(kind)}, nil
}

// read returns the value with a label. It is an error if that is not a JSON array.
func (k *keySecret) read(ctx context.Context, label string) (list keyList, err error) {
	out, err := k.client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &k.name, VersionStage: aws.String(label)})
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); ok {
		return list, fmt.Errorf("there is no secret %s with a value %s: is STAGE the name of a deployed stage?", k.name, label)
	}
	if err != nil {
		return list, fmt.Errorf("read the secret %s: %w", k.name, err)
	}
	list.version = aws.ToString(out.VersionId)
	if json.Unmarshal([]byte(aws.ToString(out.SecretString)), &list.entries) != nil || list.entries == nil {
		return list, fmt.Errorf("the value %s of the secret %s is not a JSON array, so nothing was changed. `make key RESTORE=1` with the same KIND and STAGE puts the value before it back", label, k.name)
	}
	return list, nil
}

// edit replaces the entries by those that change returns. If another program writes in the meantime, it begins again with the
// new value, so that no entry is lost.
func (k *keySecret) edit(ctx context.Context, change func([]json.RawMessage) ([]json.RawMessage, error)) (before, after []json.RawMessage, err error) {
	for range maxWriteAttempts {
		list, err := k.read(ctx, currentLabel)
		if err != nil {
			return nil, nil, err
		}
		changed, err := change(slices.Clone(list.entries))
		if err != nil {
			return nil, nil, err
		}
		if err = k.write(ctx, list.version, changed); err == nil {
			return list.entries, changed, nil
		} else if !errors.Is(err, errChanged) {
			return nil, nil, err
		}
	}
	return nil, nil, fmt.Errorf("the secret %s is being changed by others all the time: nothing was changed, run the command again", k.name)
}

// write makes entries the current value, unless version is not the current one any more. PutSecretValue alone knows no such
// condition. So it writes beside the current value, and UpdateSecretVersionStage, which fails if the label is on another version
// than the one named, moves the label
// (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html).
func (k *keySecret) write(ctx context.Context, version string, entries []json.RawMessage) error {
	value := formatEntries(entries)
	if len(value) > maxSecretSize {
		return fmt.Errorf("with this entry the secret %s would have %d bytes, more than the %d that Secrets Manager takes: remove old entries first", k.name, len(value), maxSecretSize)
	}
	written, err := k.client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &k.name, SecretString: &value, VersionStages: []string{pendingLabel}})
	if err != nil {
		return fmt.Errorf("write the secret %s: %w", k.name, err)
	}
	return k.makeCurrent(ctx, aws.ToString(written.VersionId), version)
}

// makeCurrent moves the label of the current value from one version to another.
func (k *keySecret) makeCurrent(ctx context.Context, version, from string) error {
	_, err := k.client.UpdateSecretVersionStage(ctx, &secretsmanager.UpdateSecretVersionStageInput{SecretId: &k.name,
		VersionStage: aws.String(currentLabel), MoveToVersionId: &version, RemoveFromVersionId: &from})
	if err == nil {
		return nil
	}
	now, readErr := k.client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &k.name})
	switch {
	case readErr == nil && slices.Contains(now.VersionIdsToStages[version], currentLabel): // the answer of a first try was lost
		return nil
	case readErr == nil && !slices.Contains(now.VersionIdsToStages[from], currentLabel):
		return errChanged
	}
	return fmt.Errorf("make the new value of the secret %s the current one: %w", k.name, err)
}

// restore puts the value before the current one back. The current one may be unreadable.
func (k *keySecret) restore(ctx context.Context) (before, after []json.RawMessage, err error) {
	previous, err := k.read(ctx, previousLabel)
	if err != nil {
		return nil, nil, err
	}
	current, err := k.read(ctx, currentLabel)
	if current.version == "" {
		return nil, nil, err
	}
	return current.entries, previous.entries, k.makeCurrent(ctx, previous.version, current.version)
}

// formatEntries returns a JSON array with one entry on each line. The entries stay as they are.
func formatEntries(entries []json.RawMessage) string {
	if len(entries) == 0 {
		return "[]"
	}
	return "[\n" + string(bytes.Join(asBytes(entries), []byte(",\n"))) + "\n]"
}

func asBytes(entries []json.RawMessage) [][]byte {
	all := make([][]byte, len(entries))
	for i, e := range entries {
		all[i] = e
	}
	return all
}

// parseEntry returns the key of one stored entry.
func parseEntry(entry json.RawMessage) (auth.Key, error) {
	keys, err := auth.ParseKeys("[" + string(entry) + "]")
	if err != nil {
		return auth.Key{}, errors.New(strings.TrimPrefix(err.Error(), "entry 0: "))
	}
	return keys[0], nil
}

// addEntry returns the change that adds an entry.
func addEntry(entry string) func([]json.RawMessage) ([]json.RawMessage, error) {
	return func(entries []json.RawMessage) ([]json.RawMessage, error) {
		added, err := parseEntry(json.RawMessage(entry))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if known, err := parseEntry(e); err == nil && known.ID() == added.ID() {
				return nil, fmt.Errorf("the secret has an entry for this key already: its id is %s. Nothing was changed", known.ID())
			}
		}
		return append(entries, json.RawMessage(entry)), nil
	}
}

// removeEntry returns the change that removes the one entry with a name, an id, or a place such as entry:2.
func removeEntry(which string) func([]json.RawMessage) ([]json.RawMessage, error) {
	return func(entries []json.RawMessage) ([]json.RawMessage, error) {
		var found []int
		var ids []string
		for i, e := range entries {
			key, err := parseEntry(e)
			if err == nil && (key.Name == which || key.ID() == which) || which == fmt.Sprintf("entry:%d", i) {
				found, ids = append(found, i), append(ids, fmt.Sprintf("entry:%d (%s)", i, key.ID()))
			}
		}
		switch len(found) {
		case 0:
			return nil, fmt.Errorf("no entry has the name, id or place %q, so nothing was changed. `make key LIST=1` shows all entries of all kinds", which)
		case 1:
			return slices.Delete(entries, found[0], found[0]+1), nil
		}
		return nil, fmt.Errorf("%d entries match %q, so nothing was changed. Name one by its place or id: %s", len(found), which, strings.Join(ids, ", "))
	}
}

// printChange shows the entries before and after a change. before is nil if the value was not a list.
func (p *program) printChange(name string, before, after []json.RawMessage) {
	if before == nil {
		p.printLine("%s could not be read and now has %d entries:", name, len(after))
	} else {
		p.printLine("%s had %d entries and now has %d:", name, len(before), len(after))
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	row := func(sign string, i int, e json.RawMessage) {
		_, _ = fmt.Fprintf(w, "  %s %s\n", sign, describeEntry(i, e))
	}
	contains := func(list []json.RawMessage, e json.RawMessage) bool {
		return slices.ContainsFunc(list, func(other json.RawMessage) bool { return bytes.Equal(other, e) })
	}
	for i, e := range before {
		if !contains(after, e) {
			row("-", i, e)
		}
	}
	for i, e := range after {
		if contains(before, e) {
			row(" ", i, e)
		} else {
			row("+", i, e)
		}
	}
	_ = w.Flush()
}

// printKeys lists the entries of one secret.
func (p *program) printKeys(ctx context.Context, k *keySecret) error {
	list, err := k.read(ctx, currentLabel)
	if err != nil {
		return err
	}
	p.printLine("%s has %d entries:", k.name, len(list.entries))
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	for i, e := range list.entries {
		_, _ = fmt.Fprintf(w, "  %s\n", describeEntry(i, e))
	}
	return w.Flush()
}

// describeEntry returns the columns of an entry, without the key, its digest or a signing secret. The id is the one in the logs.
func describeEntry(i int, entry json.RawMessage) string {
	key, err := parseEntry(entry)
	if err != nil {
		return fmt.Sprintf("entry:%d\tnot usable: %v", i, err)
	}
	form := "key"
	switch {
	case key.IsSignature():
		form = "signature"
	case entry[0] == '"' && !bytes.HasPrefix(entry, []byte(`"sha256:`)):
		form = "key itself"
	}
	columns := []string{fmt.Sprintf("entry:%d", i), key.ID(), form, text.Line(key.Name, 60), "no role", "all assistants", "all uses", "no expiry", "the deployment's limits"}
	if key.Role != "" {
		columns[4] = string(key.Role)
	}
	if len(key.Assistants) > 0 {
		columns[5] = text.Line(strings.Join(key.Assistants, ","), 200)
	}
	if len(key.Uses) > 0 {
		columns[6] = ""
		for _, use := range key.Uses {
			columns[6] += string(use) + " "
		}
	}
	if !key.ExpiresAt.IsZero() {
		columns[7] = key.ExpiresAt.UTC().Format(time.RFC3339)
		if !time.Now().Before(key.ExpiresAt) {
			columns[7] += " (expired)"
		}
	}
	if key.Limits != (auth.Limits{}) {
		limits, _ := json.Marshal(key.Limits) // numbers: cannot fail
		columns[8] = string(limits)
	}
	return strings.Join(columns, "\t")
}
