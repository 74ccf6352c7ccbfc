package emulator

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	sqstypes "github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Everything here is made over the wire, as CloudFormation would, so that it does not matter whether a stand-in or a
// real service is at the other end.

// createQueues creates the queues and sets their attributes. It returns their addresses by logical id.
func createQueues(ctx context.Context, client *sqs.Client, t *template, queues []*resource) (map[string]string, error) {
	addresses := map[string]string{}
	for _, r := range queues {
		p := toMap(t.resolve(r.properties))
		out, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(t.physicalName(r))})
		var missing *sqstypes.QueueDoesNotExist
		address := ""
		switch {
		case err == nil:
			address = *out.QueueUrl
		case errors.As(err, &missing):
			made, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(t.physicalName(r))})
			if err != nil {
				return nil, fmt.Errorf("making queue %s: %w", r.logical, err)
			}
			address = *made.QueueUrl
		default:
			return nil, fmt.Errorf("looking for queue %s: %w", r.logical, err)
		}
		addresses[r.logical] = address
		attributes := map[string]string{}
		for _, name := range []string{"VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds", "ReceiveMessageWaitTimeSeconds", "MaximumMessageSize"} {
			if v, ok := p[name]; ok {
				attributes[name] = toString(v)
			}
		}
		if v, ok := p["RedrivePolicy"]; ok {
			attributes["RedrivePolicy"] = toString(v)
		}
		if len(attributes) == 0 {
			continue
		}
		if _, err := client.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: aws.String(address), Attributes: attributes}); err != nil {
			return nil, fmt.Errorf("setting up queue %s: %w", r.logical, err)
		}
	}
	return addresses, nil
}

func createBuckets(ctx context.Context, client *s3.Client, t *template, buckets []*resource) error {
	for _, r := range buckets {
		_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(t.physicalName(r))})
		var ours *s3types.BucketAlreadyOwnedByYou
		var there *s3types.BucketAlreadyExists
		if err != nil && !errors.As(err, &ours) && !errors.As(err, &there) {
			return fmt.Errorf("making bucket %s: %w", r.logical, err)
		}
	}
	return nil
}

// createSecrets creates the secrets with a first value where they need one; given are those of this run, by the last part
// of their names. It returns their ARNs by logical id.
func createSecrets(ctx context.Context, client *secretsmanager.Client, t *template, secrets []*resource, given map[string]string) (map[string]string, error) {
	arns := map[string]string{}
	for _, r := range secrets {
		name := t.physicalName(r)
		value := initialSecretValue(toMap(t.resolve(r.properties)), path.Base(name))
		text, ours := given[path.Base(name)]
		if ours {
			value = aws.String(text)
		}
		out, err := client.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String(name), SecretString: value})
		var exists *secrettypes.ResourceExistsException
		switch {
		case err == nil:
			arns[r.logical] = *out.ARN
		case errors.As(err, &exists):
			there, err := client.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: aws.String(name)})
			if err != nil {
				return nil, fmt.Errorf("looking for secret %s: %w", r.logical, err)
			}
			arns[r.logical] = *there.ARN
			if !ours {
				continue
			}
			// It is always what this run was given, so that no real key outlives the wish to use it.
			if _, err := client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: aws.String(name), SecretString: value}); err != nil {
				return nil, fmt.Errorf("putting secret %s: %w", r.logical, err)
			}
		default:
			return nil, fmt.Errorf("making secret %s: %w", r.logical, err)
		}
	}
	return arns, nil
}

// initialSecretValue is a secret's value at its creation: one key where the template has an empty list of keys, else what
// the template says.
func initialSecretValue(properties map[string]any, kind string) *string {
	if given, ok := properties["SecretString"]; ok {
		text := toString(given)
		var keys []json.RawMessage
		if json.Unmarshal([]byte(text), &keys) == nil && len(keys) == 0 {
			b, _ := json.Marshal([]string{newKey(kind)}) // strings always encode
			text = string(b)
		}
		return aws.String(text)
	}
	if generate := toMap(properties["GenerateSecretString"]); generate != nil {
		return aws.String(strings.TrimPrefix(newKey("x"), "aur_x_"))
	}
	return nil
}

// newKey makes a key of a kind with 256 bits of chance.
func newKey(kind string) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: https://pkg.go.dev/crypto/rand#Read
	return "aur_" + strings.ReplaceAll(kind, "-", "_") + "_" + base64.RawURLEncoding.EncodeToString(b[:])
}

// keyNames are the environment names under which the API document knows the three kinds of key.
var keyNames = map[string]string{"api": "BINARYTINT_API_KEY", "internal": "BINARYTINT_INTERNAL_API_KEY", "external": "BINARYTINT_EXTERNAL_API_KEY"}

// readKeys gives one usable key of each kind: the first that is neither a digest nor an object.
func readKeys(ctx context.Context, client *secretsmanager.Client, t *template, secrets []*resource) (map[string]string, error) {
	keys := map[string]string{}
	for _, r := range secrets {
		name := keyNames[path.Base(t.physicalName(r))]
		if name == "" {
			continue
		}
		out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(t.physicalName(r))})
		if err != nil {
			return nil, fmt.Errorf("reading secret %s: %w", r.logical, err)
		}
		var entries []any
		if err := json.Unmarshal([]byte(aws.ToString(out.SecretString)), &entries); err != nil {
			return nil, fmt.Errorf("secret %s is no JSON list of keys", r.logical)
		}
		for _, e := range entries {
			if key, ok := e.(string); ok && !strings.HasPrefix(key, "sha256:") {
				keys[name] = key
				break
			}
		}
	}
	return keys, nil
}
