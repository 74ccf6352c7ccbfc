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
	partSize          = 5 << 20 // S3's minimum for every part except the last
	uploadConcurrency = 2       // parts sent at the same time; a third one is being read
	abortTimeout      = 5 * time.Second
)

// Put writes an object and replaces the one of this key. It retries until ctx ends.
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

// Upload is Put for a body of unknown size, which is never in memory as a whole. The object is replaced at the end, when the
// whole body has arrived. If reading the body fails, the earlier object stays.
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

// isUploaded reports whether an upload that failed was completed all the same. If the reply to its completion is lost, the
// SDK completes it again, and S3 no longer knows the upload.
func (b *Bucket) isUploaded(ctx context.Context, client *s3.Client, key string, size int64, err error) bool {
	if api, ok := errors.AsType[smithy.APIError](err); !ok || api.ErrorCode() != "NoSuchUpload" {
		return false
	}
	head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
	return err == nil && aws.ToInt64(head.ContentLength) == size
}

// countingReader counts the bytes that are read.
type countingReader struct {
	io.Reader
	read int64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.read += int64(n)
	return n, err
}

// Presign returns a URL by which anyone who has it can read the object during lifetime. It ends earlier if the credentials
// that signed it expire. A missing object is a fault.NotFound.
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
