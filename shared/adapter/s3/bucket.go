package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"example.com/aurora/shared/core/fault"
)

// Bucket is one S3 bucket. Use New.
type Bucket struct {
	name         string
	client       func() (*s3.Client, error)
	uploadClient func() (*s3.Client, error) // S3 may take long to join the parts of an upload
}

// New returns the bucket of this name. The client is created on first use, so that a request that needs no bucket does not
// wait for it.
func New(config func() (aws.Config, error), name string) *Bucket {
	newClient := func(responseTimeout time.Duration) func() (*s3.Client, error) {
		return sync.OnceValues(func() (*s3.Client, error) {
			cfg, err := config()
			if err != nil {
				return nil, fmt.Errorf("configure S3: %w", err)
			}
			return s3.NewFromConfig(cfg, func(o *s3.Options) {
				o.Retryer, o.HTTPClient = newRetryer(), withTimeouts(o.HTTPClient, responseTimeout)
			}), nil
		})
	}
	return &Bucket{name: name, client: newClient(attemptTimeout), uploadClient: newClient(partTimeout)}
}

// Open opens the connection on which objects are read and created, by a look at a key that no object has. Any answer will do.
func (b *Bucket) Open(ctx context.Context) error {
	client, err := b.client()
	if err != nil {
		return err
	}
	_, err = client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: aws.String("connection")})
	if _, answered := errors.AsType[*awshttp.ResponseError](err); err == nil || answered {
		return nil
	}
	return fmt.Errorf("open bucket %s: %w", b.name, err)
}

const (
	maxAttempts    = 30                      // never reached: the context ends first
	maxBackoff     = 250 * time.Millisecond  // about fifteen attempts in 4 s
	attemptTimeout = 1500 * time.Millisecond // to connect, and from the end of the request to the first byte of the response
	partTimeout    = 20 * time.Second        // the same for a part of an upload, and for joining the parts
)

// newRetryer retries until the context ends, also after a 409.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.MaxBackoff = maxBackoff
		o.RateLimiter = ratelimit.None
		o.Retryables = append(o.Retryables, retry.RetryableErrorCode{Codes: map[string]struct{}{"ConditionalRequestConflict": {}}})
	})
}

const hashMetadata = "content-hash" // sent as x-amz-meta-content-hash

// Create writes a JSON object unless the key is taken. created reports whether the stored object now has this content; it
// is false, without an error, if the key has another content. The hash identifies the content: two bodies with the same
// hash are the same to the caller. Create retries until ctx ends.
func (b *Bucket) Create(ctx context.Context, key string, body []byte, hash string) (created bool, err error) {
	client, err := b.client()
	if err != nil {
		return false, err
	}
	for {
		_, err = client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &b.name, Key: &key, Body: bytes.NewReader(body), // seekable: a retry reads it again
			ContentType: aws.String("application/json"), IfNoneMatch: aws.String("*"),
			Metadata: map[string]string{hashMetadata: hash},
		})
		if err == nil {
			return true, nil
		}
		if httpStatus(err) != http.StatusPreconditionFailed {
			return false, fmt.Errorf("put %s: %w", key, err)
		}
		head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
		switch {
		case err == nil:
			return head.Metadata[hashMetadata] == hash, nil
		case httpStatus(err) != http.StatusNotFound: // a 404 means: deleted since the PUT failed, so try it again
			return false, fmt.Errorf("head %s: %w", key, err)
		}
	}
}

// Read returns an object's content and the time when it was written. A missing object is a fault.NotFound.
func (b *Bucket) Read(ctx context.Context, key string) (body []byte, written time.Time, err error) {
	client, err := b.client()
	if err != nil {
		return nil, time.Time{}, err
	}
	object, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if httpStatus(err) == http.StatusNotFound {
		return nil, time.Time{}, fault.New(fault.NotFound, "There is no such object.").Because(err)
	}
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("get %s: %w", key, err)
	}
	defer func() { _ = object.Body.Close() }()
	if body, err = io.ReadAll(object.Body); err != nil {
		return nil, time.Time{}, fmt.Errorf("read %s: %w", key, err)
	}
	return body, aws.ToTime(object.LastModified), nil
}

// List yields the keys that begin with prefix, in order, beginning after startAfter. It ends with the first error. Keys that
// are created or deleted meanwhile may be among them or not.
func (b *Bucket) List(ctx context.Context, prefix, startAfter string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		client, err := b.client()
		if err != nil {
			yield("", err)
			return
		}
		input := &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix}
		if startAfter != "" {
			input.StartAfter = &startAfter
		}
		pages := s3.NewListObjectsV2Paginator(client, input)
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				yield("", fmt.Errorf("list %s: %w", prefix, err))
				return
			}
			for _, object := range page.Contents {
				if !yield(aws.ToString(object.Key), nil) {
					return
				}
			}
		}
	}
}

// withTimeouts returns a client that gives up an attempt that hangs, so that another one fits into the context. It has
// connections of its own, so it is created only once.
func withTimeouts(client s3.HTTPClient, responseTimeout time.Duration) s3.HTTPClient {
	buildable, ok := client.(*awshttp.BuildableClient)
	if !ok {
		return client
	}
	return buildable.
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = attemptTimeout }).
		WithTransportOptions(func(t *http.Transport) { t.ResponseHeaderTimeout = responseTimeout })
}

// httpStatus returns the HTTP status of an error; 0 if there was no response.
func httpStatus(err error) int {
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return response.HTTPStatusCode()
	}
	return 0
}
