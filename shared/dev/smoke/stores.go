package smoke

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"example.com/aurora/shared/core/aurora"
	"example.com/aurora/shared/core/auth"
)

// storeChecks are the checks of secrets, tables, bucket and queues with the operator's credentials.
func (r *run) storeChecks() []check {
	checks := []check{
		{"table assistants, test assistant stored", r.storeAssistant},
		{"table calls", r.checkCalls},
		{"table ledger", r.checkLedger},
		{"bucket", r.checkBucket},
	}
	for _, name := range []string{"calls", "raw", "reports"} {
		checks = append(checks, check{"queue " + name, func(ctx context.Context) (string, error) { return r.checkQueue(ctx, name) }})
	}
	kinds := []auth.KeyKind{auth.KindAPI, auth.KindInternal}
	if !slices.Contains(r.Skip, string(groupCalls)) || !slices.Contains(r.Skip, string(groupHyperscale)) {
		kinds = append(kinds, auth.KindExternal)
	}
	for _, kind := range kinds {
		checks = append(checks, check{"key secret " + string(kind), func(ctx context.Context) (string, error) { return r.prepareKey(ctx, kind) }})
	}
	return append(checks, check{"secret openai", r.checkModelSecret}, check{"secret links", r.checkLinksSecret}, check{"secret sessions", r.checkSessionsSecret})
}

// storeAssistant stores the test assistant.
func (r *run) storeAssistant(ctx context.Context) (string, error) {
	document := map[string]any{
		"assistantId": AssistantID, "assistantName": "Smoke test", "assistantPhoneNumber": assistantNumber, "orgName": "Aurora",
		"assistantPrompt": "You answer in one short sentence.", "assistantFirstMessage": "Hello.",
	}
	if r.Mail != "" {
		document["emails"] = []string{r.Mail}
	}
	b, err := json.Marshal(document)
	if err != nil {
		return "", err
	}
	if _, err := r.assistants.Put(ctx, b); err != nil {
		r.storeErr = fmt.Errorf("table %s: the test assistant was not stored: %w", r.Tables["assistants"], err)
		return "", r.storeErr
	}
	if _, err := r.assistants.ByID(ctx, AssistantID); err != nil {
		return "", fmt.Errorf("table %s: the test assistant cannot be read: %w", r.Tables["assistants"], err)
	}
	return AssistantID, nil
}

func (r *run) checkCalls(ctx context.Context) (string, error) {
	key := aurora.CallKey{AssistantID: aurora.AssistantKey(AssistantID), Day: time.Now().UTC().Format(time.DateOnly), CallID: r.call}
	if _, _, err := r.calls.Row(ctx, key); err != nil {
		return "", fmt.Errorf("table %s: %w", r.Tables["calls"], err)
	}
	return r.Tables["calls"], nil
}

func (r *run) checkLedger(ctx context.Context) (string, error) {
	if _, _, err := r.ledger.Alias(ctx, r.call); err != nil {
		return "", fmt.Errorf("table %s: %w", r.Tables["ledger"], err)
	}
	return r.Tables["ledger"], nil
}

func (r *run) checkBucket(ctx context.Context) (string, error) {
	for _, err := range r.bucket.List(ctx, aurora.EndOfCallPrefix+aurora.AssistantKey(AssistantID)+"/", "") {
		if err != nil {
			return "", fmt.Errorf("bucket %s: %w", r.Bucket, err)
		}
		break
	}
	return r.Bucket, nil
}

// checkQueue reads how many messages wait in a queue.
func (r *run) checkQueue(ctx context.Context, name string) (string, error) {
	config, err := r.Config("sqs")()
	if err != nil {
		return "", err
	}
	out, err := sqs.NewFromConfig(config).GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: aws.String(r.Queues[name]),
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages}})
	if err != nil {
		return "", fmt.Errorf("queue %s: %w", name, err)
	}
	return out.Attributes["ApproximateNumberOfMessages"] + " messages wait", nil
}

func (r *run) checkModelSecret(ctx context.Context) (string, error) {
	name := r.secretName("openai")
	text, err := r.readSecret(ctx, name)
	if err == nil && text == "" {
		err = errors.New("secret " + name + " is empty: store the model's key in it")
	}
	return "", err
}

func (r *run) checkLinksSecret(ctx context.Context) (string, error) {
	name := r.secretName("links")
	links := &auth.Links{Secrets: plainSecrets{r}, SecretName: name, BaseURL: r.PublicURL, Now: time.Now}
	if _, err := links.NewToken(ctx, aurora.ReportsPrefix+AssistantID+"/weekly/none/"+aurora.ReportHTMLName); err != nil {
		return "", fmt.Errorf("secret %s: %w", name, err)
	}
	return "", nil
}

func (r *run) checkSessionsSecret(ctx context.Context) (string, error) {
	name := r.secretName("sessions")
	operators := &auth.Operators{Secrets: plainSecrets{r}, SecretName: name, Now: time.Now}
	if _, err := operators.Cookie(ctx, http.Header{}, auth.Login{Session: &auth.Session{Began: time.Now(), LastUsed: time.Now()}}); err != nil {
		return "", fmt.Errorf("secret %s: %w", name, err)
	}
	return "", nil
}

// plainSecrets reads secrets without a cache.
type plainSecrets struct{ *run }

func (s plainSecrets) Secret(ctx context.Context, name string) (string, error) {
	return s.readSecret(ctx, name)
}
