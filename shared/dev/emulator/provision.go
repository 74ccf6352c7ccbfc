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

// Resources are created with API calls, as CloudFormation does. So they work with a fake and with a real service.

// createQueues creates the queues and sets their attributes. It returns their URLs by logical id, and gives the template their
// ARNs. All queues are created before any attribute is set: SQS accepts a redrive policy only if its dead-letter queue exists,
// and the ARN of that is known only to SQS, since it holds the account.
func createQueues(ctx context.Context, client *sqs.Client, t *template, queues []*resource) (map[string]string, error) {
	addresses := map[string]string{}
	for _, r := range queues {
		address, err := createQueue(ctx, client, t.physicalName(r), toString(t.resolve(r.properties["FifoQueue"])))
		if err != nil {
			return nil, fmt.Errorf("create queue %s: %w", r.logical, err)
		}
		out, err := client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &address, AttributeNames: []sqstypes.QueueAttributeName{sqstypes.QueueAttributeNameQueueArn}})
		if err != nil {
			return nil, fmt.Errorf("read the ARN of queue %s: %w", r.logical, err)
		}
		addresses[r.logical], t.arns[r.logical] = address, out.Attributes[string(sqstypes.QueueAttributeNameQueueArn)]
	}
	for _, r := range queues {
		p, attributes := toMap(t.resolve(r.properties)), map[string]string{}
		for _, name := range []string{"VisibilityTimeout", "MessageRetentionPeriod", "DelaySeconds", "ReceiveMessageWaitTimeSeconds", "MaximumMessageSize",
			"RedrivePolicy", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"} {
			if v, ok := p[name]; ok {
				attributes[name] = toString(v)
			}
		}
		if len(attributes) == 0 {
			continue
		}
		if _, err := client.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: aws.String(addresses[r.logical]), Attributes: attributes}); err != nil {
			return nil, fmt.Errorf("set the attributes of queue %s: %w", r.logical, err)
		}
	}
	return addresses, nil
}

// createQueue creates a queue if it does not exist, and returns its URL. fifo is the attribute FifoQueue, or empty.
func createQueue(ctx context.Context, client *sqs.Client, name, fifo string) (string, error) {
	out, err := client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
	if err == nil {
		return aws.ToString(out.QueueUrl), nil
	}
	if _, missing := errors.AsType[*sqstypes.QueueDoesNotExist](err); !missing {
		return "", err
	}
	attributes := map[string]string{}
	if fifo != "" {
		attributes["FifoQueue"] = fifo // it cannot be set later
	}
	made, err := client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		return "", err
	}
	return aws.ToString(made.QueueUrl), nil
}

func createBuckets(ctx context.Context, client *s3.Client, t *template, buckets []*resource) error {
	for _, r := range buckets {
		_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(t.physicalName(r))})
		var ours *s3types.BucketAlreadyOwnedByYou
		var there *s3types.BucketAlreadyExists
		if err != nil && !errors.As(err, &ours) && !errors.As(err, &there) {
			return fmt.Errorf("create bucket %s: %w", r.logical, err)
		}
		if toString(toMap(toMap(t.resolve(r.properties))["VersioningConfiguration"])["Status"]) != "Enabled" {
			continue
		}
		_, err = client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: aws.String(t.physicalName(r)),
			VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusEnabled}})
		if err != nil {
			return fmt.Errorf("turn on the versions of bucket %s: %w", r.logical, err)
		}
	}
	return nil
}

// createSecrets creates the secrets that do not exist yet, with an initial value if they need one. given has the values that
// come from this run's environment, by the last part of the name; they also replace stored values. It returns the ARNs by
// logical id.
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
				return nil, fmt.Errorf("find secret %s: %w", r.logical, err)
			}
			arns[r.logical] = *there.ARN
			if !ours {
				continue
			}
			// Always this run's value, so that a real key does not stay on disk after the run that used it.
			if _, err := client.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: aws.String(name), SecretString: value}); err != nil {
				return nil, fmt.Errorf("write secret %s: %w", r.logical, err)
			}
		default:
			return nil, fmt.Errorf("create secret %s: %w", r.logical, err)
		}
	}
	return arns, nil
}

// initialSecretValue returns a new secret's value: a list with one new key if the template has an empty list of keys, else
// the template's value. It is nil if the template gives none.
func initialSecretValue(properties map[string]any, kind string) *string {
	if given, ok := properties["SecretString"]; ok {
		text := toString(given)
		var keys []json.RawMessage
		if json.Unmarshal([]byte(text), &keys) == nil && len(keys) == 0 {
			b, _ := json.Marshal([]string{newKey(kind)}) // encoding strings cannot fail
			text = string(b)
		}
		return aws.String(text)
	}
	if generate := toMap(properties["GenerateSecretString"]); generate != nil {
		return aws.String(strings.TrimPrefix(newKey("x"), "aur_x_"))
	}
	return nil
}

// newKey returns a key of a kind with 256 random bits.
func newKey(kind string) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: https://pkg.go.dev/crypto/rand#Read
	return "aur_" + strings.ReplaceAll(kind, "-", "_") + "_" + base64.RawURLEncoding.EncodeToString(b[:])
}

// keyNames are the names that the API document gives the three kinds of key.
var keyNames = map[string]string{"api": "BINARYTINT_API_KEY", "internal": "BINARYTINT_INTERNAL_API_KEY", "external": "BINARYTINT_EXTERNAL_API_KEY"}

// readKeys returns one usable key of each kind: the first that is a plain key, neither a digest nor an object.
func readKeys(ctx context.Context, client *secretsmanager.Client, t *template, secrets []*resource) (map[string]string, error) {
	keys := map[string]string{}
	for _, r := range secrets {
		name := keyNames[path.Base(t.physicalName(r))]
		if name == "" {
			continue
		}
		out, err := client.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(t.physicalName(r))})
		if err != nil {
			return nil, fmt.Errorf("read secret %s: %w", r.logical, err)
		}
		var entries []any
		if err := json.Unmarshal([]byte(aws.ToString(out.SecretString)), &entries); err != nil {
			return nil, fmt.Errorf("secret %s is not a JSON list of keys", r.logical)
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
