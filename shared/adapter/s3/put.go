package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/feature/s3/transfermanager"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"example.com/aurora/shared/core/fault"
)

const (
	partSize          = 5 << 20 // the least that S3 takes of any part but the last
	uploadConcurrency = 2       // on their way at once; with the one being filled, some 15 MB of memory an upload
	abortTimeout      = 5 * time.Second
)

// Put writes an object, in the place of the one of this key. It tries until ctx ends.
func (b *Bucket) Put(ctx context.Context, key, contentType string, body []byte) error {
	client, err := b.client()
	if err != nil {
		return err
	}
	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: &b.name, Key: &key, ContentType: &contentType, Body: bytes.NewReader(body)})
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return nil
}

// Upload is Put for a body whose size nobody knows, and which is never in memory as a whole. The object changes at once,
// when all of the body has arrived; where body fails there is no object, or still the one before.
func (b *Bucket) Upload(ctx context.Context, key, contentType string, body io.Reader) error {
	client, err := b.uploadClient()
	if err != nil {
		return err
	}
	counted := &countingReader{Reader: body}
	upload := transfermanager.New(client, func(o *transfermanager.Options) {
		o.PartSizeBytes, o.MultipartUploadThreshold, o.Concurrency, o.FailTimeout = partSize, partSize, uploadConcurrency, abortTimeout
	})
	_, err = upload.UploadObject(ctx, &transfermanager.UploadObjectInput{Bucket: &b.name, Key: &key, ContentType: &contentType, Body: counted})
	if err != nil && b.isUploaded(ctx, client, key, counted.read, err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("upload %s: %w", key, err)
	}
	return nil
}

// isUploaded reports whether an upload that failed is there all the same: where the reply to its end was lost, it is ended a
// second time, and S3 does not know it any more.
func (b *Bucket) isUploaded(ctx context.Context, client *s3.Client, key string, size int64, err error) bool {
	if api, ok := errors.AsType[smithy.APIError](err); !ok || api.ErrorCode() != "NoSuchUpload" {
		return false
	}
	there, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
	return err == nil && aws.ToInt64(there.ContentLength) == size
}

// countingReader counts what is read.
type countingReader struct {
	io.Reader
	read int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read += int64(n)
	return n, err
}

// Presign is an address at which the object can be read by whoever knows it, without a key, for a lifetime. It ends
// earlier where the credentials that signed it do. A missing object is a fault.NotFound.
func (b *Bucket) Presign(ctx context.Context, key string, lifetime time.Duration) (string, error) {
	client, err := b.client()
	if err != nil {
		return "", err
	}
	if _, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key}); err != nil {
		if httpStatus(err) == http.StatusNotFound {
			return "", fault.New(fault.NotFound, "There is no such object.").Because(err)
		}
		return "", fmt.Errorf("head %s: %w", key, err)
	}
	request, err := s3.NewPresignClient(client).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key}, s3.WithPresignExpires(lifetime))
	if err != nil {
		return "", fmt.Errorf("sign %s: %w", key, err)
	}
	return request.URL, nil
}
