package smoke

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"example.com/aurora/shared/adapter/dynamo"
	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
)

// cleanUp removes everything that the checks of this run, and of earlier ones that could not clean up, have caused. It does so
// also if the time limit was reached.
func (r *run) cleanUp(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	found, failed := r.removeObjects(ctx)
	err := errors.Join(failed, r.removeRows(ctx, found), r.removeKeys(ctx))
	if err != nil {
		return "", fmt.Errorf("something of the test is left; the next run tries to remove it: %w", err)
	}
	return "nothing is left", nil
}

// removeObjects removes all versions of the test assistant's objects, and returns the keys of end-of-call reports among them.
func (r *run) removeObjects(ctx context.Context) (endOfCallKeys []string, err error) {
	for _, prefix := range aurora.AssistantPrefixes(AssistantID) {
		for v, err := range r.bucket.Versions(ctx, prefix) {
			if err == nil {
				err = r.bucket.RemoveVersion(ctx, v)
			}
			if err != nil {
				return endOfCallKeys, fmt.Errorf("bucket %s: %w", r.Bucket, err)
			}
			if strings.HasPrefix(v.Key, aurora.EndOfCallPrefix) {
				endOfCallKeys = append(endOfCallKeys, v.Key)
			}
		}
	}
	return endOfCallKeys, nil
}

// removeRows removes the test assistant, the rows of its calls, and the items of the ledger.
func (r *run) removeRows(ctx context.Context, endOfCallKeys []string) error {
	items := func(kind string) *dynamo.Items { return dynamo.NewItems(r.Config("dynamodb"), r.Tables[kind], kind) }
	failed := []error{items("assistants").Remove(ctx, aurora.StoredItem{"assistantId": AssistantID})}
	days, ledgerKeys := map[string]bool{r.began.UTC().Format(time.DateOnly): true, time.Now().UTC().Format(time.DateOnly): true}, r.ledgerKeys()
	for _, key := range endOfCallKeys {
		// The end of the key is <year>/<month>/<day>/<call>.json.
		parts := strings.Split(strings.TrimSuffix(key, ".json"), "/")
		days[strings.Join(parts[len(parts)-4:len(parts)-1], "-")] = true
		ledgerKeys = append(ledgerKeys, callItemPrefix+parts[len(parts)-1])
	}
	for day := range days {
		_, err := r.calls.DeleteDay(ctx, aurora.AssistantKey(AssistantID), day)
		failed = append(failed, err)
	}
	ledger := items("ledger")
	for _, key := range ledgerKeys {
		failed = append(failed, ledger.Remove(ctx, aurora.StoredItem{"key": key}))
	}
	return errors.Join(failed...)
}

// callItemPrefix begins the keys of the ledger's items that lead from the id of a call to its row.
const callItemPrefix = "call#"

// ledgerKeys returns the keys of the items that the checks may have caused in the ledger: the call's id, the mail, and what the
// run's own keys have used.
func (r *run) ledgerKeys() []string {
	keys := []string{callItemPrefix + aurora.SafeKey(r.call)}
	if object := auth.UnverifiedObject(auth.TokenIn(r.link)); object != "" && r.Mail != "" {
		sum := sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(r.Mail))))
		keys = append(keys, "sent#"+strings.TrimSuffix(object, aurora.ReportHTMLName)+hex.EncodeToString(sum[:8]))
	}
	account := auth.Principal{ID: "-", Name: keyName}.Account()
	const minute, minuteForm = time.Minute, "2006-01-02T15:04"
	keys = append(keys, "count#chat-tokens#"+account+"#"+r.began.UTC().Format(time.DateOnly)+"T00:00",
		"count#chat-tokens#"+account+"#"+time.Now().UTC().Format(time.DateOnly)+"T00:00")
	for at := r.began.UTC().Truncate(minute); !at.After(time.Now().UTC()); at = at.Add(minute) {
		keys = append(keys, "count#chat-turns#"+account+"#"+at.Format(minuteForm))
	}
	return keys
}
